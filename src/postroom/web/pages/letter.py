"""One message of a person: read, as HTML in a frame of its own, and taken out as files."""

import asyncio
import re
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from postroom.errors import Invalid
from postroom.net.fetch import Rules
from postroom.web.desk import Desk, Visitor
from postroom.web.mail import leaving, markup
from postroom.web.mail.reader import DRAFTS, JUNK, TRASH, File, Message, Reader
from postroom.web.pages.mail import path_of, uid_of, use_of
from postroom.web.render import HEADERS, moment
from postroom.web.routing import Router

HERE: Final = "/mail/message"
TEXT: Final = "text/plain; charset=utf-8"
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
MOST_SHOWN: Final = 5 << 20  # octets of a file or a source

_SANDBOX: Final = {"Content-Security-Policy": "sandbox; default-src 'none'"}
_UNFIT: Final = re.compile(r"[^A-Za-z0-9 ._()+-]")


def routes(desk: Desk) -> list[Route]:
    """The message, its HTML, its files and its source."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        box, uid = _named(request)
        reader = Reader(office, visitor.identity)
        found = await reader.message(box, uid)
        boxes = await reader.boxes()
        form = request.query_params.get("as", "html" if found.has_html else "text")
        text = await asyncio.to_thread(markup.linked, found.text)
        return renderer.page(
            "message_read.html", frames=True, visitor=visitor, here="/mail", box=box, one=found,
            text=text, as_html=found.has_html and form == "html",
            is_open="images" in request.query_params, boxes=boxes, use=use_of(boxes, box),
            uses={"drafts": DRAFTS, "junk": JUNK, "trash": TRASH}, shown_as=shown_as, images=IMAGES,
        )  # fmt: skip

    async def html(request: Request, visitor: Visitor) -> Response:
        box, uid = _named(request)
        reader = Reader(office, visitor.identity)
        head = _heading(await reader.message(box, uid)) if "print" in request.query_params else ""
        text = await reader.html(box, uid, head)
        return HTMLResponse(text, headers=markup.headers(is_open="images" in request.query_params))

    async def file(request: Request, visitor: Visitor) -> Response:
        box, uid = _named(request)
        path = request.query_params.get("part", "")
        found, pieces = await Reader(office, visitor.identity).file(box, uid, path)
        if "shown" in request.query_params and (kind := shown_as(found)):
            return _shown(kind, _first(pieces))
        return _download(found.name, found.size, pieces)

    async def source(request: Request, visitor: Visitor) -> Response:
        box, uid = _named(request)
        size, pieces = await Reader(office, visitor.identity).source(box, uid)
        if "shown" in request.query_params:
            return _shown(TEXT, _first(pieces))
        return _download(f"message-{uid}.eml", size, pieces)

    async def leave(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        box, uid = fields.get("box", "INBOX"), uid_of(fields.get("uid", ""))
        found = await Reader(office, visitor.identity).message(box, uid)
        if not found.leaves_at_once:
            raise Invalid("this message offers no way to leave its list with one click")
        await leaving.leave(found.unsubscribe, desk.resolver, Rules())
        return f"{path_of(box, HERE, uid=uid)}#left"

    return [
        router.show(HERE, show, for_admins=False),
        router.show(f"{HERE}/html", html, for_admins=False),
        router.show(f"{HERE}/file", file, for_admins=False),
        router.show(f"{HERE}/source", source, for_admins=False),
        router.do(f"{HERE}/leave", leave, for_admins=False),
    ]


def _named(request: Request) -> tuple[str, int]:
    """The mailbox and the UID of the query. Raises Invalid."""
    asked = request.query_params
    return asked.get("box", "INBOX"), uid_of(asked.get("uid", ""))


def shown_as(file: File) -> str:
    """The kind as which a browser may show a file; "" for none, which is saved only."""
    if file.content_type in IMAGES and file.size <= MOST_SHOWN:
        return file.content_type
    return TEXT if file.content_type.startswith(("text/", "message/")) else ""


def _heading(one: Message) -> str:
    people = (("From", one.author), ("To", one.to), ("Cc", one.cc))
    lines = [(name, ", ".join(map(str, some))) for name, some in people if some]
    lines.append(("When", moment(one.sent or one.received)))
    if one.files:
        lines.append(("Files", ", ".join([file.name for file in one.files])))
    return markup.heading(one.subject, lines)


async def _first(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    left = MOST_SHOWN
    async for piece in pieces:
        yield piece[:left]
        left -= len(piece)
        if left <= 0:
            return


def _shown(kind: str, pieces: AsyncIterator[bytes]) -> Response:
    """What a browser shows, in which nothing runs: an image, or a text whatever it says."""
    return StreamingResponse(pieces, media_type=kind, headers={**HEADERS, **_SANDBOX})


def _download(name: str, size: int, pieces: AsyncIterator[bytes]) -> Response:
    """What a browser saves and never shows (RFC 6266): its kind is that of no document."""
    plain = _UNFIT.sub("_", name)
    written = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{urllib.parse.quote(name, safe='')}"
    )
    return StreamingResponse(
        pieces,
        media_type="application/octet-stream",
        headers={
            **HEADERS,
            **_SANDBOX,
            "Content-Disposition": written,
            "Content-Length": str(size),
        },
    )
