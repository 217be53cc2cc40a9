"""One message of a person: read, as HTML in a frame of its own, and taken out as files."""

import re
import urllib.parse
from collections.abc import AsyncIterator
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route

from postroom.web.desk import Desk, Visitor
from postroom.web.mail import markup
from postroom.web.mail.reader import DRAFTS, JUNK, TRASH, Reader
from postroom.web.pages.mail import uid_of, use_of
from postroom.web.render import HEADERS
from postroom.web.routing import Router

HERE: Final = "/mail/message"
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
        return renderer.page(
            "message_read.html", frames=True, visitor=visitor, here="/mail", box=box, one=found,
            text=markup.linked(found.text), as_html=found.has_html and form == "html",
            is_open="images" in request.query_params, boxes=boxes, use=use_of(boxes, box),
            uses={"drafts": DRAFTS, "junk": JUNK, "trash": TRASH},
        )  # fmt: skip

    async def html(request: Request, visitor: Visitor) -> Response:
        box, uid = _named(request)
        text = await Reader(office, visitor.identity).html(box, uid)
        return HTMLResponse(text, headers=markup.headers(is_open="images" in request.query_params))

    async def file(request: Request, visitor: Visitor) -> Response:
        box, uid = _named(request)
        path = request.query_params.get("part", "")
        found, pieces = await Reader(office, visitor.identity).file(box, uid, path)
        return _download(found.name, found.size, pieces)

    async def source(request: Request, visitor: Visitor) -> Response:
        box, uid = _named(request)
        size, pieces = await Reader(office, visitor.identity).source(box, uid)
        return _download(f"message-{uid}.eml", size, pieces)

    return [
        router.show(HERE, show, for_admins=False),
        router.show(f"{HERE}/html", html, for_admins=False),
        router.show(f"{HERE}/file", file, for_admins=False),
        router.show(f"{HERE}/source", source, for_admins=False),
    ]


def _named(request: Request) -> tuple[str, int]:
    """The mailbox and the UID of the query. Raises Invalid."""
    asked = request.query_params
    return asked.get("box", "INBOX"), uid_of(asked.get("uid", ""))


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
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Content-Disposition": written,
            "Content-Length": str(size),
        },
    )
