"""The Sieve script of the site, which runs on every message before what its account has."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.filters import scripts
from postroom.admin.filters.scripts import GLOBAL
from postroom.errors import Refused
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

HERE: Final = "/admin/script"
NAME: Final = "site"  # of one that is written here first


def routes(desk: Desk) -> list[Route]:
    """The script and its form."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def page(
        visitor: Visitor, text: str, name: str, *, is_active: bool, problem: str = ""
    ) -> Response:
        return renderer.page(
            "site_script.html", status=400 if problem else 200, visitor=visitor, here=HERE, text=text,
            name=name, is_active=is_active, problems=problem.splitlines(),
            most=office.config.sieve.max_script,
        )  # fmt: skip

    async def show(_request: Request, visitor: Visitor) -> Response:
        known = await scripts.every(office, GLOBAL)
        chosen = next((one for one in known if one.active), None)
        shown = chosen or next((one for one in known if one.name == NAME), None)
        text = await scripts.text(office, GLOBAL, shown.name) if shown else ""
        return await page(
            visitor, text, shown.name if shown else NAME, is_active=chosen is not None
        )

    async def save(
        _request: Request, visitor: Visitor, fields: Mapping[str, str]
    ) -> Response | str:
        text, name = fields.get("text", ""), fields.get("name", NAME)
        if "off" in fields:
            await scripts.deactivate(office, GLOBAL)
            return f"{HERE}#done"
        try:
            await scripts.put(office, GLOBAL, name, text.encode("utf-8", "replace"), active=True)
        except Refused as error:
            known = await scripts.every(office, GLOBAL)
            is_active = any(one.active for one in known)
            return await page(visitor, text, name, is_active=is_active, problem=str(error))
        return f"{HERE}#done"

    return [
        router.show(HERE, show, for_admins=True),
        router.do(HERE, save, for_admins=True),
    ]
