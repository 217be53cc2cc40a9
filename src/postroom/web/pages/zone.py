"""Bringing a domain's records into its zone, and who keeps zones for us.

For owners: a zone holds more than the domains that an administrator may have in it.
"""

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.dns import providers, update
from postroom.admin.dns.providers import New
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

_AGREED: Final = "agree "


def routes(desk: Desk) -> list[Route]:
    """The plan of a domain, carrying it out, and the providers."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        name = request.path_params["name"]
        plan = await update.plan(office, name, resolver=desk.resolver)
        return renderer.page("zone.html", visitor=visitor, here="/admin/domains", plan=plan)

    async def write(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = request.path_params["name"]
        agreed = [
            (words[0], words[1])
            for field in fields
            if field.startswith(_AGREED) and len(words := field[len(_AGREED) :].split(" ")) == 2
        ]
        await update.apply(office, name, resolver=desk.resolver, agreed=agreed)
        return f"/admin/domains/{name}/zone"

    async def every(_request: Request, visitor: Visitor) -> Response:
        found = await providers.every(office)
        return renderer.page(
            "dns_providers.html", visitor=visitor, here="/admin/domains", found=found
        )

    async def add(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        try:
            new = msgspec.convert(
                {
                    "name": fields.get("name", ""),
                    "kind": fields.get("kind", ""),
                    "zones": fields.get("zones", "").split(),
                    "secret": fields.get("secret", ""),
                    "server": fields.get("server", "").strip(),
                    "key_name": fields.get("key_name", "").strip(),
                },
                New,
            )
        except msgspec.ValidationError:
            raise Invalid("choose the kind of the provider") from None
        await providers.add(office, new, resolver=desk.resolver)
        return "/admin/dns-providers"

    async def remove(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await providers.remove(office, request.path_params["name"])
        return "/admin/dns-providers"

    return [
        router.show("/admin/domains/{name}/zone", show, for_admins=True),
        router.do("/admin/domains/{name}/zone", write, for_admins=True),
        router.show("/admin/dns-providers", every, for_admins=True),
        router.do("/admin/dns-providers", add, for_admins=True),
        router.do("/admin/dns-providers/{name}/remove", remove, for_admins=True),
    ]
