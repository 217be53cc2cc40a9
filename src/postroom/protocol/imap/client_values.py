"""Responses of an IMAP server as values: atoms, strings, lists, NIL.

Everything is bounded: how deep lists go, how many values there are. What a server says is
believed to be a response, and no more. RFC 9051 §4, §9 (response).
"""

import re
from collections.abc import Sequence
from typing import Final, TypeAlias

MAX_DEPTH: Final = 20
MAX_VALUES: Final = 10_000  # of one response

Value: TypeAlias = "bytes | list[Value] | None"
"""An atom or string; a list in parentheses; NIL."""

_TOKEN: Final = re.compile(rb' *+(?:([()])|"((?:[^"\\]|\\.)*+)"|([^ ()"]++))', re.DOTALL)
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)


class ServerFault(Exception):
    """The server broke the protocol, or a limit; ``reason`` is printable."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def read(parts: Sequence[bytes]) -> list[Value]:
    """The values of a response: lines and literals by turns, a line first. Raises ServerFault."""
    reader = _Reader()
    for place, part in enumerate(parts):
        if place % 2:
            reader.lists[-1].append(part)
        else:
            reader.line(part)
    if len(reader.lists) > 1:
        raise ServerFault("a response has a parenthesis too few")
    return reader.lists[0]


class _Reader:
    """``lists``: the values, and those lists that are open, the innermost last."""

    def __init__(self) -> None:
        self.lists: list[list[Value]] = [[]]
        self._count = 0

    def line(self, part: bytes) -> None:
        at = 0
        while match := _TOKEN.match(part, at):
            at = match.end()
            self._count += 1
            if self._count > MAX_VALUES:
                raise ServerFault(f"a response has more than {MAX_VALUES} values")
            bracket, string, atom = match.groups()
            if bracket:
                self._bracket(bracket)
            elif string is not None:
                self.lists[-1].append(_ESCAPED.sub(rb"\1", string))
            else:
                self.lists[-1].append(None if atom.upper() == b"NIL" else atom)
        if part[at:].strip():
            raise ServerFault("a response has a string without an end")

    def _bracket(self, bracket: bytes) -> None:
        if bracket == b"(":
            if len(self.lists) > MAX_DEPTH:
                raise ServerFault(f"a response has lists more than {MAX_DEPTH} deep")
            inner: list[Value] = []
            self.lists[-1].append(inner)
            self.lists.append(inner)
        elif len(self.lists) == 1:
            raise ServerFault("a response has a parenthesis too many")
        else:
            self.lists.pop()


def pairs(value: Value) -> dict[bytes, Value]:
    """A list of names and values by turns, as in FETCH; names in capitals."""
    if not isinstance(value, list):
        return {}
    names = value[::2]
    return {
        name.upper(): one
        for name, one in zip(names, value[1::2], strict=False)
        if isinstance(name, bytes)
    }


def number(value: Value, most: int = (1 << 63) - 1) -> int | None:
    """A number, None for anything else."""
    if isinstance(value, bytes) and value.isdigit() and len(value) < 20:
        found = int(value)
        return found if found <= most else None
    return None
