"""Messages re-encoded for servers that take 7-bit octets in lines of 998 only.

Parts with 8-bit octets or long lines become quoted-printable (text and message) or base64
(all others); their contents are the same once decoded. Multiparts and messages inside are
walked, never encoded themselves, and keep their boundaries. Every part that is clean stays
octet for octet; of preamble and epilogue, which nobody reads, unclean ones are left out.

The result is ASCII with lines of at most 998 octets that end in CRLF, or NotConvertible
says why there is none: 8-bit header fields need SMTPUTF8, what is signed must not change,
and what can't be taken apart can't be put together again. A DKIM signature of the whole
message does not survive; signing comes afterwards.

RFC 6152 §3 (8BITMIME), RFC 2045 §6.4 (what may be encoded), RFC 1847 §2.1 (signed),
RFC 2046 §5.1.1, §5.2 (preamble, message types), RFC 6532 §3.7 (message/global).
Linear and without recursion; depth and parts are bounded by the scanner.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec

from postroom.message import headers, parameters
from postroom.message.content import transferred
from postroom.message.headers import MAX_HEADER
from postroom.message.part import GLOBAL_MESSAGE, MESSAGE, TEXT_PLAIN, ContentType, Part
from postroom.message.scan import MAX_PARTS, scan
from postroom.message.sevenbit_encode import (
    base64_lines,
    has_line_ends,
    is_clean,
    quoted_printable,
)
from postroom.message.sevenbit_head import folded, with_encoding, with_version

Reason = Literal["utf8-header", "signed", "long-header", "line-ends", "structure", "encoding"]

_TEXTS: Final[dict[Reason, str]] = {
    "utf8-header": "Its header holds letters beyond ASCII, which need SMTPUTF8",
    "signed": "A signed part would have to be changed",
    "long-header": "A line of a header is too long and can't be folded",
    "line-ends": "A header holds a NUL, or a CR or LF that stands alone",
    "structure": "Its MIME structure can't be read",
    "encoding": "A part has a transfer encoding that forbids or prevents a change",
}
_STATUS: Final[dict[Reason, str]] = {"utf8-header": "5.6.9"}  # RFC 6531 §3.7.4.2
_CANT_CONVERT: Final = "5.6.3"  # RFC 3463 §3.7: conversion required but not supported

_IDENTITY: Final = frozenset({"7bit", "8bit", "binary", "7-bit", "8-bit"})
_NEVER_ENCODED: Final = frozenset({("message", "partial"), ("message", "external-body")})
_PADDING: Final = b" \t\r\n"


class NotConvertible(Exception):
    """The message can't go to such a server. ``status`` is enhanced (RFC 3463)."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(_TEXTS[reason])
        self.reason: Final[Reason] = reason
        self.status: Final = _STATUS.get(reason, _CANT_CONVERT)


class Converted(msgspec.Struct, frozen=True):
    """The new header block with its empty line, and the new body."""

    head: bytes
    body: bytes


class _Node(msgspec.Struct):
    """A part on the walk. ``parent`` and ``message`` are indices of earlier nodes."""

    part: Part
    parent: int
    message: int  # the message whose MIME-Version counts
    in_signed: bool
    in_digest: bool
    head: bytes = b""
    body: bytes | None = None  # of a leaf, encoded anew
    encoding: str = ""  # the new one, when it changes
    has_changes: bool = False  # in the body


class _Edit(msgspec.Struct):
    """What stands instead of [start, end)."""

    start: int
    end: int
    octets: bytes


def convert(head: bytes, body: bytes) -> Converted:
    """Re-encode a message; raises NotConvertible. A clean one comes back as it is."""
    if is_clean(head) and is_clean(body):
        return Converted(head, body)
    octets = head + body
    root = scan(octets)
    nodes = _walk(root)
    if len(nodes) >= MAX_PARTS:  # there may be more of them in the last one
        raise NotConvertible("structure")
    gaps = [edit for number in range(len(nodes)) for edit in _gaps(octets, nodes, number)]
    for node in nodes:
        _encode(octets, node)
    _spread(nodes)
    edits = [edit for number in range(len(nodes)) for edit in _edits(nodes, number)]
    edits = sorted([*edits, *gaps], key=lambda edit: (edit.start, edit.end))
    new_head = nodes[0].head
    return Converted(new_head, _applied(octets, root.body_start, edits))


# -- the walk


def _walk(root: Part) -> list[_Node]:
    """All parts, each after the one it is in."""
    nodes = [_Node(root, parent=-1, message=0, in_signed=False, in_digest=False)]
    number = 0
    while number < len(nodes):
        node = nodes[number]
        kind = node.part.content_type
        in_signed = node.in_signed or (kind == ("multipart", "signed") and node.part.is_multipart)
        if node.part.message is not None and not _is_leaf(node.part):
            inner = len(nodes)
            nodes.append(_Node(node.part.message, number, inner, in_signed, in_digest=False))
        for child in node.part.children:
            in_digest = kind == ("multipart", "digest")
            nodes.append(_Node(child, number, node.message, in_signed, in_digest))
        number += 1
    return nodes


def _is_leaf(part: Part) -> bool:
    """A message/global is one: unlike message/rfc822 it may be encoded (RFC 6532 §3.7)."""
    return not part.children and (part.message is None or part.content_type == GLOBAL_MESSAGE)


def _spread(nodes: Sequence[_Node]) -> None:
    """A change inside is a change of everything around it."""
    for node in reversed(nodes):
        if node.has_changes and node.parent >= 0:
            nodes[node.parent].has_changes = True
            nodes[node.message].has_changes = True


# -- leaves


def _encode(octets: bytes, node: _Node) -> None:
    part = node.part
    node.head = octets[part.header_start : part.body_start]
    if not _is_leaf(part):
        return
    content = octets[part.body_start : part.end]
    if is_clean(content):
        return
    _refuse_signed(node)
    kind = _told_type(node)
    if kind[0] == "multipart" or kind == MESSAGE:  # the scanner saw text in it
        raise NotConvertible("structure")
    if kind in _NEVER_ENCODED:
        raise NotConvertible("encoding")
    if part.encoding in _IDENTITY:
        node.encoding = "quoted-printable" if kind[0] in {"text", "message"} else "base64"
    elif part.encoding in {"quoted-printable", "base64"}:  # with octets it must not have
        node.encoding = part.encoding
        content = transferred(part.encoding, content)
    else:
        raise NotConvertible("encoding")
    encode = base64_lines if node.encoding == "base64" else quoted_printable
    node.body = encode(content)
    node.has_changes = True


def _told_type(node: _Node) -> ContentType:
    """What the header says, whatever became of it in the tree."""
    written = headers.value(node.head, b"content-type")
    if written is None:
        return MESSAGE if node.in_digest else TEXT_PLAIN
    read = parameters.content_type(written)
    return TEXT_PLAIN if read is None else read[0]


def _refuse_signed(node: _Node) -> None:
    if node.in_signed:
        raise NotConvertible("signed")


# -- what stands between parts


def _gaps(octets: bytes, nodes: Sequence[_Node], number: int) -> Iterator[_Edit]:
    """The edits of preamble, delimiters and epilogue of a multipart."""
    node = nodes[number]
    children = node.part.children
    at = node.part.body_start
    for place, child in enumerate(children):
        yield from _gap(octets, node, _Edit(at, child.header_start, b""), is_first=place == 0)
        at = child.end
    if children:
        yield from _gap(octets, node, _Edit(at, node.part.end, b""), is_first=False)


def _gap(octets: bytes, node: _Node, edit: _Edit, *, is_first: bool) -> Iterator[_Edit]:
    gap = octets[edit.start : edit.end]
    if is_clean(gap):
        return
    _refuse_signed(node)
    if is_first:  # the preamble, then the delimiter line
        kept = gap[gap.rfind(b"\n", 0, len(gap) - 1) + 1 :]
        end = b"\r\n" if kept.endswith(b"\n") else b""
        edit.octets = kept.rstrip(_PADDING) + end
    else:  # the line break and the delimiter line, then the epilogue
        kept, has_end, _ = gap[gap.index(b"\n") + 1 :].partition(b"\n")
        edit.octets = b"\r\n" + kept.rstrip(_PADDING) + (b"\r\n" if has_end else b"")
    if not is_clean(edit.octets):
        raise NotConvertible("structure")
    node.has_changes = True
    yield edit


# -- headers, and all of it together


def _edits(nodes: Sequence[_Node], number: int) -> Iterator[_Edit]:
    """The edits of a part's header and, when it is a leaf, of its content."""
    node = nodes[number]
    part = node.part
    head = _whole(node)
    if node.encoding:
        head = with_encoding(head, node.encoding)
    elif node.has_changes and part.encoding != "7bit":
        if part.encoding not in _IDENTITY:  # RFC 2045 §6.4: a multipart that claims base64
            raise NotConvertible("encoding")
        head = with_encoding(head, "7bit")
    if node.has_changes and node.message == number:
        head = with_version(head)
    head = _checked(folded(head))
    if head != node.head:
        _refuse_signed(node)
        node.head = head
        if number:
            yield _Edit(part.header_start, part.body_start, head)
    if node.body is not None:
        yield _Edit(part.body_start, part.end, node.body)


def _whole(node: _Node) -> bytes:
    if len(node.head) > MAX_HEADER:  # the scanner did not read all of it
        raise NotConvertible("structure")
    return node.head


def _checked(head: bytes) -> bytes:
    if not head.isascii():
        raise NotConvertible("utf8-header")
    if b"\0" in head or not has_line_ends(head):
        raise NotConvertible("line-ends")
    if not is_clean(head):
        raise NotConvertible("long-header")
    return head


def _applied(octets: bytes, start: int, edits: Sequence[_Edit]) -> bytes:
    pieces = []
    for edit in edits:
        pieces += [octets[start : edit.start], edit.octets]
        start = edit.end
    return b"".join([*pieces, octets[start:]])
