"""The audit log: who changed what, when and from where."""

from datetime import UTC, datetime
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import audit
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

HERE: Final = "/admin/audit"
SHOWN: Final = 100  # entries on a page


def routes(desk: Desk) -> list[Route]:
    """The list, the newest first."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        actor, of, since = (query.get(name, "").strip() for name in ("actor", "object", "since"))
        page = await audit.page(
            office,
            actor=actor,
            of=of,
            since=_day(since),
            after=query.get("after", ""),
            size=SHOWN,
        )
        return renderer.page(
            "audit.html", visitor=visitor, here=HERE, page=page, actor=actor, of=of, since=since,
            details=[_detail(one.detail) for one in page.items],
        )  # fmt: skip

    return [router.show(HERE, every, for_admins=True)]


def _day(text: str) -> datetime | None:
    """The begin of a day (UTC) as the field of a date writes it; None for "". Raises Invalid."""
    if not text:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid(f"{text!r} is no day; write it like 2026-01-31") from None


def _detail(detail: dict[str, object]) -> str:
    return msgspec.json.encode(detail).decode() if detail else ""
