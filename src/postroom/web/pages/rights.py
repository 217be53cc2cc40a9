"""What administrators do about how somebody gets in and what they send: role, second factor, release."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.routing import Route

from postroom.admin import roles, second_factor, sending
from postroom.directory.administrators import Role
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.people import CHANGED, ONE, place
from postroom.web.routing import Router

_ROLES: Final[Mapping[str, Role]] = {"owner": "owner", "admin": "admin", "person": "person"}


def routes(desk: Desk) -> list[Route]:
    """Forms on the page of a person."""
    office, router = desk.office, Router(desk)

    async def change(request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        address, wanted = request.path_params["address"], _ROLES.get(fields.get("role", ""))
        if wanted is None:
            raise Invalid("a role is owner, admin or person")
        if (await roles.show(office, address)).address == visitor.identity.address:
            raise Invalid("nobody changes their own role here: another owner can")
        named = fields.get("domains", "").replace(",", " ").split()
        await roles.assign(office, address, wanted, named if wanted == "admin" else ())
        return place(address)

    async def reset(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        address = request.path_params["address"]
        await second_factor.reset(office, address)
        return place(address)

    async def release(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        address = request.path_params["address"]
        await sending.release(office, address)
        return place(address)

    return [
        router.do(f"{ONE}/release", release, for_admins=True, of=[CHANGED]),
        router.do(f"{ONE}/role", change, for_admins=True),
        router.do(f"{ONE}/second-factor", reset, for_admins=True, of=[CHANGED]),
    ]
