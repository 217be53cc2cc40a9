"""What is wrong with a script, and where."""

from collections.abc import Sequence

import msgspec


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Line and column (in characters), both counted from 1."""

    line: int
    column: int


class Problem(msgspec.Struct, frozen=True):
    """``text`` is in plain words, without a full stop at its end."""

    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.text}"


class ScriptError(ValueError):
    """The script is no valid Sieve; ``problems`` has at least one, in the order of the text."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class RunError(Exception):
    """The script can't go on; the message is for its owner. Never leaves ``run``."""


def fail(place: Place, text: str) -> ScriptError:
    """The error for a single problem."""
    return ScriptError([Problem(place.line, place.column, text)])
