"""A person's mailboxes: a list of messages, searched, and what is done to those that are ticked."""

import urllib.parse
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.mail import signature
from postroom.web.mail.reader import ARCHIVE, DRAFTS, JUNK, TRASH, Box, Reader
from postroom.web.routing import Router

HERE: Final = "/mail"
TICK: Final = "uid:"
MAX_DIGITS: Final = 10
_USES: Final = {"archive": ARCHIVE, "drafts": DRAFTS, "junk": JUNK, "trash": TRASH}


def routes(desk: Desk) -> list[Route]:
    """The list and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        asked = request.query_params
        box, query = asked.get("box", "INBOX"), asked.get("q", "").strip()
        reader = Reader(office, visitor.identity)
        before = uid_of(asked.get("before", "") or "0")
        is_all = bool(query) and "all" in asked
        page = await (
            reader.everywhere(query) if is_all else reader.page(box, query=query, before=before)
        )
        boxes = await reader.boxes()
        return renderer.page(
            "mail.html", visitor=visitor, here=HERE, box=box, q=query, page=page, boxes=boxes,
            use=use_of(boxes, box), uses=_USES, is_all=is_all, signature=await signature.read(reader),
        )  # fmt: skip

    async def act(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        box = fields.get("box", "INBOX")
        uids = [uid_of(name.removeprefix(TICK)) for name in fields if name.startswith(TICK)]
        reader = Reader(office, visitor.identity)
        await reader.act(box, uids, fields.get("act", ""), fields.get("target", ""))
        return path_of(box, q=fields.get("q", ""), before=fields.get("before", ""))

    async def make(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = fields.get("name", "").strip()
        made = await Reader(office, visitor.identity).folders.create(name)
        return path_of(made.name)

    async def sign(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await signature.write(Reader(office, visitor.identity), fields.get("signature", ""))
        return f"{HERE}#done"

    async def change(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        folders, box = Reader(office, visitor.identity).folders, fields.get("box", "")
        if "remove" in fields:
            await folders.delete(box)
            return HERE
        return path_of(await folders.rename(box, fields.get("name", "").strip()))

    return [
        router.show(HERE, show, for_admins=False),
        router.do(HERE, act, for_admins=False),
        router.do(f"{HERE}/signature", sign, for_admins=False),
        router.do(f"{HERE}/mailboxes", make, for_admins=False),
        router.do(f"{HERE}/mailboxes/change", change, for_admins=False),
    ]


def use_of(boxes: list[Box], name: str) -> str:
    """The special use of a mailbox of the list, "" for none."""
    return next((one.use for one in boxes if one.name == name), "")


def uid_of(text: str) -> int:
    """A UID, 32 bits. Raises Invalid."""
    if not (text.isascii() and text.isdecimal() and len(text) <= MAX_DIGITS):
        raise Invalid(f"{text!r} is the number of no message")
    return int(text)


def path_of(box: str, page: str = HERE, **more: object) -> str:
    """The path of a page about a mailbox; what is empty is left out."""
    asked = {"box": box, **more}
    return f"{page}?{urllib.parse.urlencode({key: value for key, value in asked.items() if value})}"
