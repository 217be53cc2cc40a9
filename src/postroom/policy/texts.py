"""What people see of a message: its words and links, without what is hidden from them.

Text parts are decoded as searching decodes them, HTML is rendered to its text. Text that no
reader sees (not displayed, or of no size) is kept apart: it is there to look harmless.
Everything is bounded, whatever the message. RFC 2045, RFC 2046.
"""

import re
from itertools import accumulate, islice
from typing import TYPE_CHECKING, Final

import msgspec

from postroom.message.charset import decode, parameter
from postroom.message.content import transferred
from postroom.message.part import Part
from postroom.message.searchtext import readable_parts
from postroom.policy.links import MAX_LINKS, Link, find, marks, parse

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

MAX_TEXT: Final = 40_000  # octets of one part that are read
MAX_PARTS: Final = 8  # text parts that are read
MAX_ELEMENTS: Final = 500  # with links that are looked at
MAX_TAKEN: Final = 100  # elements of a kind that are taken out
MAX_DEPTH: Final = 400  # elements inside each other; newsletters have some sixty

_LEADS: Final = "a[href],area[href],img[src],form"
_UNSEEN: Final = ",".join(
    [
        "body [hidden]",
        *(
            f'body [style*="{name}:{blank}{value}" i]'
            for name, value in (
                ("display", "none"),
                ("visibility", "hidden"),
                ("font-size", "0"),
                ("font-size", "1px"),
                ("max-height", "0"),
            )
            for blank in ("", " ")
        ),
    ]
)

_FORMATTING: Final = re.compile(
    r"<(/?)(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])", re.IGNORECASE
)
_TAG: Final = re.compile(r"<(/?)([a-z][^\s/>]*)[^<>]*>?", re.IGNORECASE)
_FLAT: Final = frozenset(
    # void elements, those that end where the next one of their kind begins, and what leads
    # somewhere: that is to be seen however deep it stands
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "p",
        "li",
        "dd",
        "dt",
        "td",
        "th",
        "tr",
        "tbody",
        "thead",
        "tfoot",
        "option",
        "optgroup",
        "colgroup",
        "rp",
        "rt",
        "a",
        "form",
    ]
)


class Reading(msgspec.Struct):
    """What was read. ``hidden`` are texts that are not seen; ``marks`` say what is odd."""

    texts: list[str] = msgspec.field(default_factory=list)
    hidden: list[str] = msgspec.field(default_factory=list)
    links: list[Link] = msgspec.field(default_factory=list)
    marks: list[str] = msgspec.field(default_factory=list)


def read(tree: Part, octets: bytes, offset: int) -> Reading:
    """What people see of ``octets``, which begin at ``offset`` of the message."""
    reading = Reading()
    htmls = plains = 0
    for part in readable_parts(tree):
        if htmls + plains >= MAX_PARTS:
            break
        start = part.body_start - offset
        raw = octets[start : min(part.end - offset, start + MAX_TEXT)]
        if part.content_type[0] != "text" or not raw:
            continue
        charset = parameter(part.parameters, "charset") or ""
        text = decode(transferred(part.encoding, raw), charset)
        if part.content_type[1] == "html" or _is_html(text):
            htmls += 1
            _html(reading, text)
        else:
            plains += 1
            _plain(reading, text)
    if htmls:
        reading.marks.append("text:html-and-plain" if plains else "text:html-only")
    elif not plains:
        reading.marks.append("text:none")
    return reading


def _is_html(text: str) -> bool:
    """Some write it without saying so, and some programs show it."""
    return text[:300].lstrip()[:6].lower().startswith(("<html", "<!doct"))


def _plain(reading: Reading, text: str) -> None:
    reading.texts.append(text)
    for url in islice(find(text), MAX_LINKS):
        _link(reading, url, "")


def _link(reading: Reading, url: str, text: str) -> None:
    link = parse(url)
    if link is not None and len(reading.links) < MAX_LINKS:
        reading.links.append(link)
        reading.marks.extend(marks(link, text))


def _html(reading: Reading, text: str) -> None:
    from selectolax.lexbor import LexborHTMLParser  # two megabytes

    body = LexborHTMLParser(harmless(text)).body
    if body is None:
        return
    images = sum(_leads(reading, node) for node in body.css(_LEADS)[:MAX_ELEMENTS])
    reading.hidden += [text for text in _taken_out(body, _UNSEEN) if text]
    _taken_out(body, "body script,body style")
    seen = body.text(deep=True, separator=" ")
    reading.texts.append(seen)
    if reading.hidden:
        reading.marks.append("text:hidden")
    if images:
        reading.marks.append("html:images")
        if len(seen) < 200 * images:
            reading.marks.append("html:mostly-images")


def harmless(markup: str) -> str:
    """The same with plain elements for those that a browser opens again in each paragraph.

    HTML, "reconstruct the active formatting elements": a few hundred of them in one paragraph
    and thousands of paragraphs are a million elements, two gigabytes from 31 KB. A link is
    never open twice, so it may stay.

    Nor are elements left that stand deeper than ``MAX_DEPTH``: for each one that begins or ends, a
    parser looks through those that are open, and in 40 KB that may be five thousand.
    """
    depths = accumulate(piece.count("<") - 1 for piece in markup.split("</"))
    if max(depths) > MAX_DEPTH:
        markup = _flattened(markup)
    return _FORMATTING.sub(r"<\1span", markup)


def _flattened(markup: str) -> str:
    depth = 0

    def kept(tag: re.Match[str]) -> str:
        nonlocal depth
        if tag[2].lower() in _FLAT:
            return tag[0]
        depth = max(0, depth - 1) if tag[1] else depth + 1
        return " " if depth + len(tag[1]) > MAX_DEPTH else tag[0]

    return _TAG.sub(kept, markup)


def _taken_out(body: "LexborNode", which: str) -> list[str]:
    """The texts of elements below the body, which are there no more.

    Each is looked for anew: one inside another has gone with it, memory and all.
    """
    texts: list[str] = []
    while len(texts) < MAX_TAKEN and (node := body.css_first(which)) is not None:
        texts.append(node.text(deep=True)[:1000].strip())
        node.decompose()
    return texts


def _leads(reading: Reading, node: "LexborNode") -> bool:
    """Note where an element leads; True for an image."""
    if node.tag == "img":
        source = node.attributes.get("src") or ""
        if "://" in source:
            _link(reading, source, "")
        return True
    if node.tag == "form":
        reading.marks.append("html:form")
        return False
    href = node.attributes.get("href") or ""
    if href[:7].lower() == "mailto:":
        reading.marks.append("link:mailto")
    else:
        _link(reading, href, node.text(deep=True)[:300])
    return False
