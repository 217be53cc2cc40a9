"""A script as its grammar sees it, before anybody asks what the words mean.

RFC 5228 §8.2: commands and tests are identifiers with arguments, tests and perhaps a block.
"""

import msgspec

from postroom.sieve.problems import Place


class Tag(msgspec.Struct, frozen=True):
    """``:name``, without the colon, in lower case."""

    name: str
    place: Place


class Number(msgspec.Struct, frozen=True):
    """A number with its quantifier worked out."""

    value: int
    place: Place


class Strings(msgspec.Struct, frozen=True):
    """A string, or a list of them; ``places`` has one for each."""

    values: tuple[str, ...]
    places: tuple[Place, ...]
    is_list: bool
    place: Place


Argument = Tag | Number | Strings


class Node(msgspec.Struct, frozen=True):
    """A command or a test. ``block`` is None for what ends with a semicolon, and for tests."""

    name: str
    place: Place
    arguments: tuple[Argument, ...]
    tests: tuple["Node", ...] = ()
    has_test_list: bool = False
    block: tuple["Node", ...] | None = None
