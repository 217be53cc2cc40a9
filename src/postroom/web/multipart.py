"""Forms with files as browsers send them, read piece by piece: a core without I/O.

multipart/form-data: RFC 7578 over RFC 2046 §5.1; names are written as HTML says (WHATWG HTML,
"multipart form data"): a quotation mark and line ends as %22, %0D and %0A.
"""

import re
from typing import Final

import msgspec
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

MAX_HEADER: Final = 8 * 1024  # octets of one field of what stands before a part
MAX_PARTS: Final = 1_000
_ESCAPED: Final = {"%22": '"', "%0D": "\r", "%0A": "\n"}
_ESCAPE: Final = re.compile("|".join(_ESCAPED), re.IGNORECASE)


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
    kind, parameters = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not parameters.get(b"boundary"):
        raise Malformed("it is no form with a file")
    return parameters[b"boundary"]


class Multipart:
    """One form. ``is_over`` once its last line has come."""

    def __init__(self, boundary: bytes) -> None:
        """Raises Malformed for a boundary that no form has."""
        self.is_over = False
        self._events: list[Event] = []
        self._parts = 0
        self._name = bytearray()
        self._value = bytearray()
        self._disposition = b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._take_name,
                    "on_header_value": self._take_value,
                    "on_header_end": self._end_field,
                    "on_headers_finished": self._end_header,
                    "on_part_data": self._take_content,
                    "on_part_end": lambda: self._events.append(None),
                    "on_end": self._end,
                },
                max_header_size=MAX_HEADER,
            )
        except FormParserError as error:
            raise Malformed(str(error)) from None

    def receive(self, octets: bytes) -> list[Event]:
        """What these octets say. Raises Malformed."""
        self._events = []
        try:
            self._parser.write(octets)
        except FormParserError as error:
            raise Malformed(str(error)) from None
        return self._events

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Malformed("it has too many parts")
        self._disposition = b""

    def _take_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_field(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._name.clear()
        self._value.clear()

    def _end_header(self) -> None:
        _, parameters = parse_options_header(self._disposition)
        if b"name" not in parameters:
            raise Malformed("a part has no name")
        filename = parameters.get(b"filename")
        self._events.append(
            Part(_read(parameters[b"name"]), None if filename is None else _read(filename))
        )

    def _take_content(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _end(self) -> None:
        self.is_over = True


def _read(octets: bytes) -> str:
    return _ESCAPE.sub(lambda one: _ESCAPED[one[0].upper()], octets.decode("utf-8", "replace"))
