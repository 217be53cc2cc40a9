"""Backups: what there is, whether it is whole, another one now; and how one comes back."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import names
from postroom.admin.backup import listing
from postroom.admin.jobs import views, wishes
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

HERE: Final = "/admin/backups"
SHOWN: Final = 20  # jobs on a page


def routes(desk: Desk) -> list[Route]:
    """The page, and what is begun and ended on it."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        after = request.query_params.get("after", "")
        found = await listing.every(office)
        return renderer.page(
            "backups.html", visitor=visitor, here=HERE, found=found,
            age=_age(found, office.now()),
            jobs=await views.page(office, None, after=after, size=SHOWN),
        )  # fmt: skip

    async def take(_request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await wishes.back_up(office)
        return f"{HERE}#jobs"

    async def verify(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await wishes.verify(office, fields.get("name", ""))
        return f"{HERE}#jobs"

    async def job(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await change_job(desk, fields, None)
        return f"{HERE}#jobs"

    return [
        router.show(HERE, show, for_admins=True),
        router.do(HERE, take, for_admins=True),
        router.do(f"{HERE}/verify", verify, for_admins=True),
        router.do(f"{HERE}/jobs", job, for_admins=True),
    ]


async def change_job(desk: Desk, fields: Mapping[str, str], account_id: int | None) -> None:
    """Stop, begin again, forget: what the buttons of ``jobs.html`` say."""
    ident, action = fields.get("id", ""), fields.get("action", "")
    if action == "stop":
        await views.stop(desk.office, ident, account_id)
    elif action == "again":
        await views.again(desk.office, ident, account_id)
    elif action == "remove":
        await views.remove(desk.office, ident, account_id)
    else:
        raise Invalid("that can't be done with a job")


def _age(found: listing.Backups | None, now: int) -> str:
    """How old the newest is, in words."""
    if found is None or not found.items:
        return ""
    return names.span(now / 1000 - found.items[0].created.timestamp())
