"""Forms with files as browsers send them, read piece by piece: a core without I/O.

multipart/form-data: RFC 7578 over RFC 2046 §5.1; names are written as HTML says (WHATWG HTML,
"multipart form data"): a quotation mark and line ends as %22, %0D and %0A.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

MAX_HEADER: Final = 8 * 1024  # octets of what stands before a part
MAX_PARTS: Final = 1_000
_MAX_PADDING: Final = 100
_BOUNDARY: Final = re.compile(
    r"multipart/form-data\s*;(?:.*;)?\s*boundary=(?:\"([^\"]{1,70})\"|([^\s;\"]{1,70}))",
    re.IGNORECASE,
)
_PARAMETER: Final = re.compile(r';\s*(name|filename)="((?:\\.|[^"\\])*)"', re.IGNORECASE)
_ESCAPED: Final = {"%22": '"', "%0D": "\r", "%0A": "\n", '\\"': '"'}
_ESCAPE: Final = re.compile(r'%22|%0D|%0A|\\"', re.IGNORECASE)


class Malformed(Exception):
    """The octets are no such form."""


class Part(msgspec.Struct, frozen=True):
    """A field begins; ``filename`` is None for one that is no file, "" where none was chosen."""

    name: str
    filename: str | None = None


Event = Part | bytes | None
"""A part begins, octets of it, its end."""


def boundary_of(content_type: str) -> bytes:
    """What stands between the parts; raises Malformed for another kind of content."""
    found = _BOUNDARY.match(content_type)
    if found is None:
        raise Malformed("it is no form with a file")
    return (found[1] or found[2]).encode("latin-1", "replace")


class Multipart:
    """One form. ``is_over`` once its last line has come."""

    def __init__(self, boundary: bytes) -> None:
        self._line = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")
        self._state = "before"
        self._parts = 0

    @property
    def is_over(self) -> bool:
        """Whether the form is whole."""
        return self._state == "over"

    def receive(self, octets: bytes) -> Iterator[Event]:
        """What these octets say. Raises Malformed."""
        self._buffer += octets
        while True:
            if self._state in {"before", "inside"}:
                yield from self._content()
                if self._state in {"before", "inside"}:
                    return
            elif self._state == "line":
                if not self._rest_of_line():
                    return
            elif self._state == "header":
                part = self._header()
                if part is None:
                    return
                yield part
            else:
                self._buffer.clear()
                return

    def _content(self) -> Iterator[Event]:
        """Octets up to the next line between parts, or as far as it can't have begun."""
        at = self._buffer.find(self._line)
        end = at if at >= 0 else max(0, len(self._buffer) - len(self._line) + 1)
        is_inside = self._state == "inside"
        if end and is_inside:
            yield bytes(self._buffer[:end])
        del self._buffer[: end + (len(self._line) if at >= 0 else 0)]
        if at >= 0:
            self._state = "line"
            if is_inside:
                yield None

    def _rest_of_line(self) -> bool:
        """Whether the line between two parts has come to its end."""
        if self._buffer.startswith(b"--"):
            self._state = "over"
            return True
        end = self._buffer.find(b"\r\n")
        if end > 0 and self._buffer[:end].strip(b" \t"):
            raise Malformed("a line between two parts holds something else")
        if end < 0:
            if len(self._buffer) > _MAX_PADDING:
                raise Malformed("a line between two parts has no end")
            return False
        del self._buffer[:end]
        self._state = "header"
        return True

    def _header(self) -> Part | None:
        """The part that begins; None until its header has come."""
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEADER or (end < 0 and len(self._buffer) > MAX_HEADER):
            raise Malformed("the header of a part is too long")
        if end < 0:
            return None
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Malformed("it has too many parts")
        part = _part(self._buffer[:end].decode("utf-8", "replace"))
        del self._buffer[: end + 4]
        self._state = "inside"
        return part


def _part(header: str) -> Part:
    for line in header.split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            found = {one[1].lower(): _read(one[2]) for one in _PARAMETER.finditer(value)}
            if "name" in found:
                return Part(found["name"], found.get("filename"))
    raise Malformed("a part has no name")


def _read(text: str) -> str:
    return _ESCAPE.sub(lambda one: _ESCAPED[one[0].upper()], text)
