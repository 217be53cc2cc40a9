"""Header blocks of parts whose transfer encoding changes, and lines folded to 998 octets.

Only the fields that must change do; all others stay octet for octet and in order.

RFC 2045 §4 (MIME-Version), §6 (Content-Transfer-Encoding); RFC 5322 §2.2.3 (folding).
"""

from typing import Final

from postroom.message import headers
from postroom.message.headers import Field
from postroom.message.sevenbit_encode import MAX_LINE

_ENCODING: Final = b"content-transfer-encoding"
_VERSION: Final = b"mime-version"
_BLANKS: Final = b" \t"


def with_encoding(head: bytes, encoding: str) -> bytes:
    """The block with one Content-Transfer-Encoding: at the place of the first, or last."""
    line = b"Content-Transfer-Encoding: " + encoding.encode("ascii") + b"\r\n"
    found = [field for field in headers.fields(head) if field.name == _ENCODING]
    if not found:
        return _appended(head, line)
    first = found[0]
    after = headers.strip_where(head[first.start :], _is_encoding)
    return head[: first.start] + line + after


def with_version(head: bytes) -> bytes:
    """The block with a MIME-Version field; without one the encoding would not be believed."""
    if any(field.name == _VERSION for field in headers.fields(head)):
        return head
    return _appended(head, b"MIME-Version: 1.0\r\n")


def folded(head: bytes) -> bytes:
    """Lines of more than 998 octets are folded where blanks stand; others are as they were.

    A line without a blank in the right place stays too long.
    """
    if len(head) <= MAX_LINE:
        return head
    lines = head.split(b"\r\n")
    return b"\r\n".join([_folded(line) if len(line) > MAX_LINE else line for line in lines])


def _is_encoding(field: Field) -> bool:
    return field.name == _ENCODING


def _appended(head: bytes, line: bytes) -> bytes:
    """The line put before the empty line, or at the end of a block that has none."""
    fields = head.removesuffix(b"\r\n")
    if not fields:
        return line + head
    if fields.endswith(b"\r\n"):
        return fields + line + b"\r\n"
    return fields + b"\r\n" + line


def _folded(line: bytes) -> bytes:
    last = len(line.rstrip(_BLANKS))  # a line of blanks alone would end the block for some
    pieces = []
    at = 0
    while len(line) - at > MAX_LINE:
        end = at + MAX_LINE + 1
        cut = max(line.rfind(b" ", at + 1, end), line.rfind(b"\t", at + 1, end))
        if not at < cut < last or not line[at:cut].strip(_BLANKS):
            break
        pieces.append(line[at:cut])
        at = cut
    return b"\r\n".join([*pieces, line[at:]])
