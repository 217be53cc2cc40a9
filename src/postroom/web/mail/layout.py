"""The layout (HTML) of a message that goes along in the one that is made from it.

A draft of another program keeps its HTML octet for octet as long as its text is not changed here; what
is forwarded stands below what was typed, as its author laid it out and made harmless. The images
that the HTML shows go along as parts of it (multipart/related, RFC 2387).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import escape

from postroom.errors import Invalid
from postroom.message.compose import Attachment
from postroom.web.mail import markup
from postroom.web.mail.reader import LaidOut, Message, Reader
from postroom.web.mail.writing import Writing

KEPT: Final = "kept"


class Body(msgspec.Struct, frozen=True):
    """What a message says: as text, as HTML ("" for text only), and the images of that."""

    text: str
    html: str = ""
    images: Sequence[Attachment] = ()


def can_go_along(found: Message) -> bool:
    """Whether a message has a layout, and all of it can be taken."""
    return found.has_html and not found.is_cut and not found.is_html_cut


async def body(reader: Reader, writing: Writing, room: int) -> Body:
    """What a message says with the layout of the one it is made from; ``room`` in octets.

    Raises Invalid where a draft's text was changed, NotFound when that message is gone.
    """
    if writing.layout != KEPT:
        return Body(writing.text)
    found = await reader.message(writing.box, writing.uid)
    laid = await reader.laid_out(writing.box, writing.uid, room)
    if laid.left_out:
        raise Invalid(f"the images of the message are larger than {room >> 20} MB, the most here")
    images = [
        Attachment(one.name, one.octets, one.content_type, ident)
        for ident, one in laid.images.items()
    ]
    if writing.way != "draft":
        html = await asyncio.to_thread(_below, writing.text, laid)
        return Body(f"{writing.text.rstrip()}\n\n{found.text}", html, images)
    if not is_same(writing.text, found.text):
        raise Invalid(
            "you have changed the text of a draft that was laid out in another program."
            ' Tick "as plain text" to give up its layout, or change it in that program'
        )
    return Body(writing.text, "<hr>".join(laid.texts), images)


def is_same(text: str, other: str) -> bool:
    """Whether texts are the same but for line ends and what a form does to blanks at ends."""
    return _bare(text) == _bare(other)


def _bare(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _below(text: str, laid: LaidOut) -> str:
    typed = "<br>\n".join(str(escape(line)) for line in text.rstrip().splitlines())
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n'
        f"<div>{typed}</div>\n<br>\n{markup.carried(laid.texts, laid.images)}\n</body></html>\n"
    )
