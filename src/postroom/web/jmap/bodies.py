"""Bodies: the MIME tree as JMAP has it, and which parts are the text, the HTML, the attachments.

A part's id is its section number as IMAP has it (RFC 3501 §6.4.5); a message inside a message is
one part. RFC 8621 §4.1.4.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from postroom.message.charset import codec_of, decode, is_guess, parameter
from postroom.message.content import TransferDecoder, transferred
from postroom.message.decoding import KNOWN
from postroom.message.parameters import without_comments
from postroom.message.part import Part
from postroom.web.jmap.headers import clean

DEFAULT: Final = (
    "partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language",
    "location",
)  # fmt: skip
PROPERTIES: Final = frozenset({*DEFAULT, "headers", "subParts"})
_MEDIA: Final = frozenset({"image", "audio", "video"})


class Node(msgspec.Struct):
    """A part, ``path`` its number; a multipart has ``children``."""

    part: Part
    path: tuple[int, ...]
    children: "list[Node]" = msgspec.field(default_factory=list)

    @property
    def is_multipart(self) -> bool:
        """Whether it has parts, and no content of its own."""
        return self.part.is_multipart

    @property
    def id(self) -> str:
        """The ``partId`` of a part that is none."""
        return ".".join(map(str, self.path)) or "1"

    @property
    def type(self) -> str:
        """The media type."""
        return "/".join(self.part.content_type)

    @property
    def name(self) -> str | None:
        """What a file is called."""
        disposition = self.part.disposition[1] if self.part.disposition is not None else ()
        written = parameter(disposition, "filename") or parameter(self.part.parameters, "name")
        return clean(written) or None if written else None

    @property
    def disposition(self) -> str | None:
        """``inline``, ``attachment``, or whatever stands there."""
        return self.part.disposition[0] if self.part.disposition is not None else None

    @property
    def charset(self) -> str | None:
        """The parameter, or the default of text."""
        written = parameter(self.part.parameters, "charset")
        if written:
            return clean(written)
        return "us-ascii" if self.part.content_type[0] == "text" else None

    @property
    def cid(self) -> str | None:
        """The Content-ID without its brackets."""
        written = self.part.id
        if written is None:
            return None
        text = clean(decode(without_comments(written))).strip()
        return text.removeprefix("<").removesuffix(">") or None

    @property
    def language(self) -> list[str] | None:
        """Of the Content-Language field."""
        return [clean(decode(tag)) for tag in self.part.language] or None

    @property
    def location(self) -> str | None:
        """The Content-Location."""
        return None if self.part.location is None else clean(decode(self.part.location)).strip()

    def below(self) -> "Iterator[Node]":
        """It and all in it, in order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.children)


class Shown(NamedTuple):
    """What of a message is read, and what comes along with it."""

    text: list[Node]
    html: list[Node]
    attachments: list[Node]

    @property
    def has_attachment(self) -> bool:
        """Whether something is there to be downloaded (§4.1.4)."""
        return any(one.disposition != "inline" for one in self.attachments)


class Value(NamedTuple):
    """An EmailBodyValue."""

    value: str
    is_encoding_problem: bool
    is_truncated: bool

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "value": self.value,
            "isEncodingProblem": self.is_encoding_problem,
            "isTruncated": self.is_truncated,
        }


def nodes(root: Part) -> Node:
    """The tree of a message."""
    top = Node(root, () if root.is_multipart else (1,))
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if node.is_multipart:
            node.children = [
                Node(child, (*node.path, number))
                for number, child in enumerate(node.part.children, 1)
            ]
            waiting += node.children
    return top


def shown(top: Node) -> Shown:
    """The algorithm of §4.1.4; the scanner has bounded how deep parts lie in each other."""
    found = Shown([], [], [])
    _sort([top], "mixed", found, found.text, found.html, in_alternative=False)
    return found


def _sort(
    parts: list[Node],
    kind: str,
    found: Shown,
    text: list[Node] | None,
    html: list[Node] | None,
    *,
    in_alternative: bool,
) -> None:
    """Lists that are None are for this branch not to be added to."""
    before = (-1 if text is None else len(text), -1 if html is None else len(html))
    for at, node in enumerate(parts):
        if node.is_multipart:
            inner = node.part.content_type[1]
            alternative = in_alternative or inner == "alternative"
            _sort(node.children, inner, found, text, html, in_alternative=alternative)
        elif not _is_inline(node, at, kind):
            found.attachments.append(node)
        elif kind == "alternative":
            _choose(node, found, text, html)
        else:
            if in_alternative and node.type == "text/plain":
                html = None
            if in_alternative and node.type == "text/html":
                text = None
            _add(node, found, text, html)
    if kind == "alternative" and text is not None and html is not None:
        _complete(text, html, before)


def _add(node: Node, found: Shown, text: list[Node] | None, html: list[Node] | None) -> None:
    for said in (text, html):
        if said is not None:
            said.append(node)
    if (text is None or html is None) and _is_media(node):
        found.attachments.append(node)


def _choose(node: Node, found: Shown, text: list[Node] | None, html: list[Node] | None) -> None:
    """A part right below a multipart/alternative."""
    if node.type == "text/plain":
        if text is not None:
            text.append(node)
    elif node.type == "text/html":
        if html is not None:
            html.append(node)
    else:
        found.attachments.append(node)


def _complete(text: list[Node], html: list[Node], before: tuple[int, int]) -> None:
    """What was said in one form only is told for both."""
    if len(text) == before[0] and len(html) != before[1]:
        text += html[before[1] :]
    elif len(html) == before[1] and len(text) != before[0]:
        html += text[before[0] :]


def _is_inline(node: Node, at: int, kind: str) -> bool:
    """Whether it is a body rather than an attachment."""
    return (
        node.disposition != "attachment"
        and (node.type in {"text/plain", "text/html"} or _is_media(node))
        and (at == 0 or (kind != "related" and (_is_media(node) or not node.name)))
    )


def _is_media(node: Node) -> bool:
    return node.part.content_type[0] in _MEDIA


def value_of(part: Part, octets: bytes, most: int, *, is_cut: bool = False) -> Value:
    """The text of a part, of at most ``most`` octets of UTF-8 (0: all); §4.1.4.

    ``is_cut``: ``octets`` are only its beginning.
    """
    raw = (
        TransferDecoder(part.encoding).feed(octets)
        if is_cut
        else transferred(part.encoding, octets)
    )
    charset = parameter(part.parameters, "charset") or ""
    codec = codec_of(charset) if charset else "ascii"
    is_problem = codec is None or part.encoding not in KNOWN
    text = decode(raw, charset)
    if is_cut:
        text = text.rstrip("\ufffd")  # of a character that goes on behind
    if not is_problem and not raw.isascii():
        if codec is None or is_guess(codec):
            is_problem = not _is_utf8(raw, is_cut=is_cut)
        else:
            is_problem = "\ufffd" in text
    text = clean(text).replace("\r\n", "\n")
    cut, is_shorter = truncated(text, most, is_html=part.content_type[1] == "html")
    return Value(cut, is_problem, is_shorter or is_cut)


def truncated(text: str, most: int, *, is_html: bool) -> tuple[str, bool]:
    """At most ``most`` octets of UTF-8, whole characters, of HTML whole tags; whether it was cut."""
    if not most or len(text) * 4 <= most:
        return text, False
    octets = text.encode("utf-8")
    if len(octets) <= most:
        return text, False
    cut = octets[:most].decode("utf-8", "ignore")
    if is_html and (tag := cut.rfind("<")) > cut.rfind(">"):
        cut = cut[:tag]
    return cut, True


def _is_utf8(raw: bytes, *, is_cut: bool) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return is_cut and error.start >= len(raw) - 3
    return True
