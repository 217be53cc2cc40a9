"""Whom a person shares a mailbox with, and how."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import shares
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.mail import path_of
from postroom.web.routing import Router

HERE: Final = "/mail/sharing"
_WORDS: Final[Mapping[str, str]] = {
    "read": "read",
    "write": "read, mark, add and delete messages",
    "full": "do everything, also share it on and delete it",
}


def routes(desk: Desk) -> list[Route]:
    """The page of a mailbox, and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        box, owner = request.query_params.get("box", "INBOX"), visitor.identity.address
        found = [one for one in await shares.given(office, owner) if one.mailbox in ("", box)]
        return renderer.page(
            "mail_sharing.html", visitor=visitor, here="/mail", box=box, found=found, words=_WORDS
        )

    async def add(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        box, grantee = fields.get("box", "INBOX"), fields.get("grantee", "").strip()
        if "@" not in grantee or grantee.startswith("@"):
            raise Invalid("write the whole address of the person, such as ann@example.org")
        if fields.get("rights", "") not in _WORDS:
            raise Invalid("choose what the person may do")
        await shares.add(office, f"{visitor.identity.address}/{box}", grantee, fields["rights"])
        return f"{path_of(box, HERE)}#done"

    async def remove(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        box = fields.get("box", "INBOX")
        what = f"{visitor.identity.address}/{box}"
        await shares.remove(office, what, fields.get("grantee", ""))
        return f"{path_of(box, HERE)}#done"

    return [
        router.show(HERE, show, for_admins=False),
        router.do(HERE, add, for_admins=False),
        router.do(f"{HERE}/end", remove, for_admins=False),
    ]
