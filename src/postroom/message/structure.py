"""BODYSTRUCTURE: the extended IMAP text made once at filing, and BODY derived from it.

Depth is bounded by the scanner (MAX_DEPTH), so the recursion over parts is. ``basic``
reads only what ``bodystructure`` wrote; it walks the text once, without recursion.

RFC 3501 §7.4.2, §9 (body), RFC 9051 §9 (media-message: GLOBAL, too), RFC 9051 §7.5.2 (parameters in pieces), RFC 2183, RFC 3282,
RFC 2557 (location).
"""

import re
from typing import Final

from postroom.message import envelope
from postroom.message.parameters import Parameters, continued
from postroom.message.part import Part
from postroom.message.quoting import NIL, nstring, string

_SIMPLE_FACTS: Final = 7  # type, subtype, parameters, id, description, encoding, size
_TEXT_FACTS: Final = 8  # and lines
_MESSAGE_FACTS: Final = 10  # and envelope, body, lines

_MESSAGES: Final = frozenset({(b'"message"', b'"rfc822"'), (b'"message"', b'"global"')})

_TOKEN: Final = re.compile(rb'[()]|"(?:[^"\\]|\\.)*+"|\{([0-9]+)\}\r\n|[^ ()"{]+', re.DOTALL)


def bodystructure(part: Part) -> bytes:
    """The extended BODYSTRUCTURE of a part and all inside it."""
    if part.is_multipart and part.children:
        return b'(%b "%b" %b %b)' % (
            b"".join([bodystructure(child) for child in part.children]),
            part.content_type[1].encode("ascii"),
            _parameters(part.parameters),
            _extension(part),
        )
    major, minor = part.content_type
    more = b""
    if part.message is not None:
        inner = part.message
        more = b" %b %b %d" % (
            envelope.written(inner.fields or {}),
            bodystructure(inner),
            part.lines,
        )
    elif major == "text":
        more = b" %d" % part.lines
    return b'("%b" "%b" %b %b %b "%b" %d%b %b %b)' % (
        major.encode("ascii"),
        minor.encode("ascii"),
        _parameters(part.parameters),
        nstring(part.id),
        nstring(part.description),
        part.encoding.encode("ascii"),
        part.size,
        more,
        nstring(part.md5),
        _extension(part),
    )


def basic(text: bytes) -> bytes:
    """BODY: the text of BODYSTRUCTURE without extension data (RFC 3501 §7.4.2)."""
    lists: list[_List] = [_List(is_body=True)]
    at, end = 0, len(text)
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            at += 1  # the blank between two
            continue
        token, at = found[0], found.end()
        if token == b"(":
            lists.append(lists[-1].opened())
        elif token == b")":
            closed = lists.pop()
            lists[-1].add(closed.written(), is_list=True)
        else:
            if found[1]:
                token += text[at : at + int(found[1])]
                at += int(found[1])
            lists[-1].add(token, is_list=False)
    return lists[0].items[0] if lists[0].items else text


class _List:
    """A parenthesised list being read; only a body drops what stands behind its facts."""

    __slots__ = ("children", "is_body", "items")

    def __init__(self, *, is_body: bool) -> None:
        self.is_body = is_body
        self.items: list[bytes] = []
        self.children = 0  # leading lists: the parts of a multipart

    def opened(self) -> "_List":
        """The list that begins here: a body where one must stand."""
        place = len(self.items)
        return _List(is_body=self.is_body and (place == self.children or self._is_message(place)))

    def _is_message(self, place: int) -> bool:
        return place == _MESSAGE_FACTS - 2 and self._holds_message()

    def _holds_message(self) -> bool:
        """An envelope follows the size; a message/global that is encoded has none."""
        return self._kind() in _MESSAGES and self.items[_SIMPLE_FACTS].startswith(b"(")

    def _kind(self) -> tuple[bytes, bytes]:
        return self.items[0], self.items[1]

    def add(self, item: bytes, *, is_list: bool) -> None:
        if is_list and self.children == len(self.items):
            self.children += 1
        self.items.append(item)

    def written(self) -> bytes:
        items = self.items
        if not self.is_body:
            return b"(" + b" ".join(items) + b")"
        if self.children:
            parts = b"".join(items[: self.children])
            return b"(" + parts + b" " + items[self.children] + b")"
        kind = self._kind()
        count = _SIMPLE_FACTS
        if kind[0] == b'"text"':
            count = _TEXT_FACTS
        elif self._holds_message():
            count = _MESSAGE_FACTS
        return b"(" + b" ".join(items[:count]) + b")"


def _extension(part: Part) -> bytes:
    """Disposition, language, location."""
    if part.disposition is None and not part.language and part.location is None:
        return b"NIL NIL NIL"
    disposition = language = NIL
    if part.disposition is not None:
        kind, parameters = part.disposition
        disposition = b'("%b" %b)' % (kind.encode("ascii"), _parameters(parameters))
    if part.language:
        language = b"(" + b" ".join(map(string, part.language)) + b")"
    return b"%b %b %b" % (disposition, language, nstring(part.location))


def _parameters(parameters: Parameters) -> bytes:
    if not parameters:
        return NIL
    parameters = continued(parameters)
    return b"(" + b" ".join([b"%b %b" % (string(n), string(v)) for n, v in parameters]) + b")"
