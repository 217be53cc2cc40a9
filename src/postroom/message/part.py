"""A part of a letter: where it lies, what its header says about it, what is inside.

Offsets count from the first octet of the letter's header block. Values are as they stand
in the header, unfolded; types and encoding are lower-case text. ``fields`` holds the
ENVELOPE fields of a message (the letter itself and each message/rfc822 inside it), so no
header block is read twice.

RFC 2045, RFC 2046, RFC 2183, RFC 1864 (Content-MD5), RFC 3282 (Content-Language).
"""

import re
from typing import Final

import msgspec

from postroom.message import headers, parameters
from postroom.message.parameters import Parameters

ContentType = tuple[str, str]

TEXT_PLAIN: Final[ContentType] = ("text", "plain")
MESSAGE: Final[ContentType] = ("message", "rfc822")
GLOBAL_MESSAGE: Final[ContentType] = ("message", "global")  # RFC 6532 §3.7

MAX_BOUNDARY: Final = 2048  # octets; RFC 2046 §5.1.1 allows 70, senders exceed it

CONTENT_FIELDS: Final = frozenset(
    {
        b"content-type",
        b"content-transfer-encoding",
        b"content-disposition",
        b"content-language",
        b"content-location",
        b"content-id",
        b"content-description",
        b"content-md5",
    }
)
ENVELOPE_FIELDS: Final = frozenset(
    {
        b"date",
        b"subject",
        b"from",
        b"sender",
        b"reply-to",
        b"to",
        b"cc",
        b"bcc",
        b"in-reply-to",
        b"message-id",
        b"references",
    }
)
MESSAGE_FIELDS: Final = CONTENT_FIELDS | ENVELOPE_FIELDS

_ENCODING: Final = re.compile(rb"[ \t\r]*\"?([!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+)")
_IDENTITY: Final = frozenset({"7bit", "8bit", "binary"})
_DEFAULT_PARAMETERS: Final[Parameters] = ((b"charset", b"us-ascii"),)

Fields = dict[bytes, list[bytes]]


class Part(msgspec.Struct):
    """Header is [header_start, body_start), body is [body_start, end).

    ``lines`` counts the line ends of the body. A multipart has ``children``, a
    message/rfc822 or message/global has the ``message`` in it; all others have neither.
    """

    header_start: int = 0
    body_start: int = 0
    end: int = 0
    lines: int = 0
    content_type: ContentType = TEXT_PLAIN
    parameters: Parameters = ()
    encoding: str = "7bit"
    disposition: tuple[str, Parameters] | None = None
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    children: "list[Part]" = msgspec.field(default_factory=list)
    message: "Part | None" = None
    fields: Fields | None = None

    @property
    def is_multipart(self) -> bool:
        """True when the body is a series of parts."""
        return self.content_type[0] == "multipart"

    @property
    def holds_message(self) -> bool:
        """True when the body is a message that lies open; a message/global may be encoded."""
        return self.content_type == MESSAGE or (
            self.content_type == GLOBAL_MESSAGE and self.encoding in _IDENTITY
        )

    @property
    def size(self) -> int:
        """Octets of the body, as encoded."""
        return self.end - self.body_start


def describe(part: Part, found: Fields, *, in_digest: bool) -> None:
    """Fill in what the Content fields say; ``in_digest``: RFC 2046 §5.1.5 default type."""
    written = found.get(b"content-type")
    read = parameters.content_type(written[0]) if written else None
    if read is not None:
        part.content_type, part.parameters = read
    elif in_digest and not written:
        part.content_type = MESSAGE
    else:  # RFC 2045 §5.2
        part.parameters = _DEFAULT_PARAMETERS
    encoding = found.get(b"content-transfer-encoding")
    if encoding and (token := _ENCODING.match(encoding[0])):
        part.encoding = token[1].decode("ascii").lower()
    if len(found) > (written is not None) + (encoding is not None):
        _describe_rarely(part, found)


def _describe_rarely(part: Part, found: Fields) -> None:
    if disposition := found.get(b"content-disposition"):
        part.disposition = parameters.disposition(disposition[0])
    if languages := found.get(b"content-language"):
        tags = parameters.without_comments(languages[0]).split(b",")
        part.language = tuple(stripped for tag in tags if (stripped := tag.strip()))[:100]
    part.location = _first(found, b"content-location")
    part.id = _first(found, b"content-id")
    part.description = _first(found, b"content-description")
    part.md5 = _first(found, b"content-md5")


def boundary(part: Part) -> bytes | None:
    """The boundary of a multipart; None when there is none that can be used."""
    if not part.is_multipart:
        return None
    found = parameters.lookup(part.parameters, b"boundary")
    if found is None:
        return None
    text = found[0].rstrip(b" \t")  # RFC 2046 §5.1.1: never ends in white space
    if not text or len(text) > MAX_BOUNDARY or b"\n" in text or b"\r" in text:
        return None
    return text


def unparsed(part: Part) -> None:
    """Make it a text part: what can't be taken apart is shown as it stands."""
    part.content_type = TEXT_PLAIN
    part.parameters = ()
    part.children = []
    part.message = None


def _first(found: Fields, name: bytes) -> bytes | None:
    values = found.get(name)
    return values[0] if values else None


def read_fields(head: bytes, *, is_message: bool) -> Fields:
    """One pass over a header block for all that an index needs."""
    return headers.collect(head, MESSAGE_FIELDS if is_message else CONTENT_FIELDS)
