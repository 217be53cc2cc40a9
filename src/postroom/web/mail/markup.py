"""HTML of strangers as a document that a browser may show.

It is shown in a frame of its own under a policy (``HEADERS``) that lets nothing run, gives it no
origin and no form, and fetches nothing: images are in it or not there, unless the reader asks for
those from elsewhere. That is what protects the reader. What ``cleaning`` takes out keeps the
frame from leading away from itself.

Content Security Policy level 3 (sandbox); RFC 2392 (cid).
"""

import base64
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec
from markupsafe import Markup, escape

from postroom.web.mail.cleaning import cleaned
from postroom.web.render import HEADERS as OWN

MAX_INLINE: Final = 8 << 20  # characters of the images of a message in its document

_LINKS: Final = ("http://", "https://", "mailto:")
_SHOWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_URL: Final = re.compile(r"https?://[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]")
_STYLE: Final = (
    "<style>:root{color-scheme:light;background:#fff;color:#1b1d21;font:1rem/1.5 system-ui,sans-serif}"
    "body{margin:.5rem;overflow-wrap:anywhere}img{max-width:100%;height:auto}pre{white-space:pre-wrap}</style>"
)


class Image(msgspec.Struct, frozen=True):
    """An image of the message itself."""

    content_type: str
    octets: bytes
    name: str = ""


class _Images:
    """Images as addresses that hold them; all together have an end, however often one is shown."""

    def __init__(self, images: Mapping[str, Image]) -> None:
        self._images = images
        self._made: dict[str, str] = {}
        self._room = MAX_INLINE

    def take(self, ident: str) -> str:
        """The address of one; "" for none, and when there is no more room."""
        found = self._images.get(ident)
        if found is None or found.content_type not in _SHOWN:
            return ""
        if ident not in self._made:
            encoded = base64.b64encode(found.octets).decode()
            self._made[ident] = f"data:{found.content_type};base64,{encoded}"
        address = self._made[ident]
        self._room -= len(address)
        return address if self._room >= 0 else ""


def headers(*, is_open: bool) -> dict[str, str]:
    """What the document is sent with; ``is_open``: images from elsewhere are fetched."""
    images = "data: https: http:" if is_open else "data:"
    return {
        **OWN,
        "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox;"
        f" default-src 'none'; style-src 'unsafe-inline'; img-src {images};"
        " form-action 'none'; base-uri 'none'; frame-ancestors 'self'",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "SAMEORIGIN",
    }


def heading(title: str, lines: Sequence[tuple[str, str]]) -> str:
    """What stands above a message that is printed."""
    told = "".join([f"<div><b>{escape(name)}</b> {escape(text)}</div>" for name, text in lines])
    return f"<h1>{escape(title)}</h1>{told}<hr>"


def document(texts: Sequence[str], images: Mapping[str, Image], head: str = "") -> str:
    """One document of these texts, each HTML, below ``head``; ``images`` by Content-ID."""
    inside = _Images(images)

    def address(tag: str, name: str, value: str) -> str:
        return _address(tag, name, value, inside)

    bodies = "<hr>".join([cleaned(text, address) for text in texts])
    return (
        f'<!doctype html><html lang="und"><head><meta charset="utf-8"><title>Message</title>{_STYLE}'
        f"</head><body>{head}{bodies}</body></html>"
    )


def carried(texts: Sequence[str], images: Collection[str]) -> str:
    """These texts, each HTML, made harmless, as they stand in a message that forwards them.

    ``images`` are the Content-IDs that go along; those from elsewhere stay where they are.
    """

    def address(tag: str, name: str, value: str) -> str:
        if tag == "img" and name == "src" and value.lower().startswith("cid:"):
            return value if value[4:] in images else ""
        return _address(tag, name, value, _Images({}))

    return "<hr>".join([cleaned(text, address) for text in texts])


def wants_others(text: str) -> bool:
    """Whether HTML would fetch something from elsewhere, as far as a quick look tells."""
    return (
        re.search(
            r"(?:src|background)\s*+=\s*+(?:[\"']\s*+)?https?:|url\(\s*+[\"']?https?:",
            text,
            re.IGNORECASE,
        )
        is not None
    )


def preformatted(text: str) -> str:
    """Plain text as HTML."""
    return f"<pre>{linked(text)}</pre>"


def linked(text: str) -> Markup:
    """Plain text with its addresses of pages as links."""
    pieces: list[str] = []
    at = 0
    for found in _URL.finditer(text):
        address = escape(found[0])
        pieces.append(escape(text[at : found.start()]))
        pieces.append(
            f'<a href="{address}" target="_blank" rel="noopener noreferrer">{address}</a>'
        )
        at = found.end()
    return Markup("".join([*pieces, escape(text[at:])]))  # noqa: S704 - every piece is escaped


def _address(tag: str, name: str, value: str, images: _Images) -> str:
    """What may stand there; "" for nothing."""
    lower = value.lower()
    if name == "href":
        return value if lower.startswith(_LINKS) else ""
    if tag == "img" and name == "src" and lower.startswith("cid:"):
        return images.take(value[4:])
    if lower.startswith(("https://", "http://", "data:image/")):
        return value
    return ""
