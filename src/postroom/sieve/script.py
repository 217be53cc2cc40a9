"""A script that was checked: what the interpreter runs, and what caches keep.

Immutable, and without anything of a letter or an owner in it.
"""

import msgspec

from postroom.sieve.problems import Place


class Reference(msgspec.Struct, frozen=True):
    """``${name}``: a variable, a match variable (``index``), or one of a namespace."""

    name: str = ""
    index: int | None = None
    namespace: str = ""


class Template(msgspec.Struct, frozen=True):
    """A string with variables in it (RFC 5229 §3)."""

    pieces: tuple[str | Reference, ...]


Text = str | Template
Value = tuple[Text, ...] | int


class Match(msgspec.Struct, frozen=True):
    """How texts are compared: match type, comparator, and the relation of RFC 5231."""

    kind: str = "is"
    comparator: str = "i;ascii-casemap"
    relation: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A command or a test, its arguments known to be of the right kinds.

    ``tags`` has the value of each tag that stands there, 1 for those without one. Where
    arguments may be left out, those are None. ``branches`` of ``if``: each a test (None for
    else) with its block.
    """

    name: str
    place: Place
    tags: dict[str, Value] = msgspec.field(default_factory=dict)
    arguments: tuple[Value | None, ...] = ()
    match: Match = Match()
    tests: tuple["Call", ...] = ()
    block: tuple["Call", ...] = ()
    branches: tuple[tuple["Call | None", tuple["Call", ...]], ...] = ()


class Script(msgspec.Struct, frozen=True):
    """``extensions`` are those it requires."""

    commands: tuple[Call, ...]
    extensions: frozenset[str]
