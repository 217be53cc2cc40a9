"""Domains: the list, and each with its DNS records beside what DNS has."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import backup_domains, domains
from postroom.admin.dns import providers, table, zone
from postroom.admin.domains import DomainChanges
from postroom.directory.allotments import NOTHING, Allotment
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.filters import number
from postroom.web.pages.people import octets
from postroom.web.routing import THEIRS, Action, Named, Router

_NAMED: Final = Named("domain", "path", "name")


def routes(desk: Desk) -> list[Route]:
    """All pages and forms about domains."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        sought = query.get("q", "")
        page = await domains.page(
            office, search=sought, after=query.get("after", ""), within=visitor.within
        )
        backups = None
        if visitor.is_owner:
            backups = await backup_domains.page(
                office, search=sought, after=query.get("backups_after", "")
            )
        return renderer.page(
            "domains.html", visitor=visitor, here="/admin/domains", page=page, sought=sought,
            backups=backups,
        )  # fmt: skip

    async def add(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        added = await domains.add(office, fields.get("name", ""))
        return f"/admin/domains/{added.ascii}"

    async def add_backup(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await backup_domains.add(office, fields.get("name", ""))
        return "/admin/domains"

    async def remove_backup(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await backup_domains.remove(office, request.path_params["name"])
        return "/admin/domains"

    async def show(request: Request, visitor: Visitor) -> Response:
        name = request.path_params["name"]
        found = await domains.show(office, name)
        is_check = "check" in request.query_params
        look = table.check if is_check else table.records
        rows = await look(office, name, resolver=desk.resolver)
        return renderer.page(
            "domain.html", visitor=visitor, here="/admin/domains", found=found, rows=rows,
            is_check=is_check, none_at_all=NOTHING, is_kept=await providers.is_kept(office, found.ascii),
            zone=zone.zone_file(found.ascii, rows),
        )  # fmt: skip

    async def change(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = request.path_params["name"]
        await domains.change(office, name, DomainChanges(catch_all=fields.get("catch_all", "")))
        return f"/admin/domains/{name}"

    async def journal(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = request.path_params["name"]
        await domains.set_journal(office, name, fields.get("journal", "").strip())
        return f"/admin/domains/{name}"

    async def remove(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await domains.remove(office, request.path_params["name"])
        return "/admin/domains"

    return [
        router.show("/admin/domains", every, for_admins=True, of=THEIRS),
        router.do("/admin/domains", add, for_admins=True),
        router.do("/admin/backup-domains", add_backup, for_admins=True),
        router.do("/admin/backup-domains/{name}/remove", remove_backup, for_admins=True),
        router.show("/admin/domains/{name}", show, for_admins=True, of=[_NAMED]),
        router.do("/admin/domains/{name}", change, for_admins=True, of=[_NAMED]),
        router.do("/admin/domains/{name}/journal", journal, for_admins=True),
        router.do("/admin/domains/{name}/limits", _limiting(desk), for_admins=True),
        router.do("/admin/domains/{name}/remove", remove, for_admins=True),
    ]


def _limiting(desk: Desk) -> Action:
    """The form that says what a domain may hold."""

    async def limits(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = request.path_params["name"]
        given = {key: fields.get(key, "").strip() for key in Allotment.__struct_fields__}
        wanted = Allotment(
            accounts=number(given["accounts"] or "0", "accounts"),
            aliases=number(given["aliases"] or "0", "aliases"),
            default_quota=octets(given["default_quota"]),
            max_quota=octets(given["max_quota"]),
            total_quota=octets(given["total_quota"]),
        )
        await domains.set_limits(desk.office, name, wanted)
        return f"/admin/domains/{name}"

    return limits
