"""Security of the server: who is turned away, what others report about us."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import bans, reports, roles
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.filters import number
from postroom.web.routing import THEIRS, Named, Router

SHOWN: Final = 200  # reports, the newest


def routes(desk: Desk) -> list[Route]:
    """Bans and reports."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def banned(request: Request, visitor: Visitor) -> Response:
        sought = request.query_params.get("q", "")
        after = request.query_params.get("after", "")
        return renderer.page(
            "bans.html", visitor=visitor, here="/admin/bans", sought=sought,
            page=await bans.page(office, search=sought, after=after),
        )  # fmt: skip

    async def change(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        network = fields.get("network", "")
        if "remove" in fields:
            await bans.remove(office, network)
        else:
            hours = number(fields.get("hours") or "0", "hours")
            await bans.add(office, network, reason=fields.get("reason", ""), hours=hours)
        return "/admin/bans"

    async def reported(request: Request, visitor: Visitor) -> Response:
        domain = request.query_params.get("q", "").strip()
        among = None if visitor.within is None else await roles.domains_of(office, visitor.within)
        return renderer.page(
            "reports.html", visitor=visitor, here="/admin/reports", sought=domain,
            reports=await reports.every(office, domain, limit=SHOWN, among=among),
            daily=await reports.daily(office, domain, among=among),
        )  # fmt: skip

    async def report(request: Request, visitor: Visitor) -> Response:
        found = await reports.show(office, request.path_params["ident"])
        return renderer.page("report.html", visitor=visitor, here="/admin/reports", found=found)

    return [
        router.show("/admin/bans", banned, for_admins=True),
        router.do("/admin/bans", change, for_admins=True),
        router.show("/admin/reports", reported, for_admins=True, of=THEIRS),
        router.show(
            "/admin/reports/{ident}",
            report,
            for_admins=True,
            of=[Named("report", "path", "ident")],
        ),
    ]
