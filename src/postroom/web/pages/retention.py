"""How long mailboxes keep their messages: said by their owner, or by a postmaster."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.routing import Route

from postroom.admin import retention
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.people import CHANGED, ONE, place
from postroom.web.routing import Router


def routes(desk: Desk) -> list[Route]:
    """The forms; where they stand: ``me`` and ``people``."""
    office, router = desk.office, Router(desk)

    async def own(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        mailbox, days = fields.get("mailbox", ""), _days(fields.get("days", ""))
        await retention.put_own(office, visitor.identity.address, mailbox, days)
        return "/me"

    async def of_another(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        address, days = request.path_params["address"], _days(fields.get("days", ""))
        await retention.put(office, address, fields.get("mailbox", ""), days)
        return place(address)

    return [
        router.do("/me/retention", own, for_admins=False),
        router.do(f"{ONE}/retention", of_another, for_admins=True, of=[CHANGED]),
    ]


def _days(text: str) -> int | None:
    """None for nothing. Raises Invalid."""
    text = text.strip()
    if not text:
        return None
    if len(text) > 9 or not (text.isascii() and text.isdecimal()):
        raise Invalid(f"{text!r} is no number of days; write it like 30, 0 for ever, or nothing")
    return int(text)
