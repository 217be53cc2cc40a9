"""People: accounts with quota, state, passwords and addresses."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import accounts, credentials, names, retention, roles, second_factor
from postroom.admin.accounts import AccountDetails
from postroom.admin.office import Office
from postroom.admin.watch import hijacking
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.render import in_path
from postroom.web.routing import THEIRS, Named, Router

LIST: Final = "/admin/people"
ONE: Final = f"{LIST}/{{address:address}}"
_SEEN: Final = Named("account", "path", "address")
CHANGED: Final = Named("account", "path", "address", is_changed=True)
_FURTHER: Final = Named("name", "form", "further")


def routes(desk: Desk) -> list[Route]:
    """All pages and forms about accounts."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        sought = query.get("q", "")
        page = await accounts.page(
            office, search=sought, after=query.get("after", ""), within=visitor.within
        )
        return renderer.page(
            "people.html", visitor=visitor, here=LIST, page=page, sought=sought,
            after=query.get("after", ""),
        )  # fmt: skip

    async def add(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        address, name = fields.get("address", ""), fields.get("name", "")
        password = fields.get("password") or credentials.random_password()
        credentials.require_strong(address, password, name)
        added = await accounts.add(office, address, password=password, name=name)
        told = "" if fields.get("password") else f"Password of {added.address}: {password}"
        return await _page(visitor, added.address, told)

    async def show(request: Request, visitor: Visitor) -> Response:
        return await _page(visitor, request.path_params["address"], "")

    async def change(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        address = request.path_params["address"]
        await accounts.change(
            office,
            address,
            name=fields.get("name", ""),
            quota=octets(fields.get("quota", "")),
            message_quota=messages(fields.get("messages", "")),
            disabled="disabled" in fields,
        )
        return place(address)

    async def password(request: Request, visitor: Visitor, _fields: Mapping[str, str]) -> Response:
        address = request.path_params["address"]
        made = credentials.random_password()
        await credentials.set_password(office, address, made)
        return await _page(visitor, address, f"New password of {address}: {made}")

    async def add_name(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        address = request.path_params["address"]
        await accounts.add_address(office, address, fields.get("further", ""))
        return place(address)

    async def remove_name(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        address = request.path_params["address"]
        await accounts.remove_address(office, address, fields.get("further", ""))
        return place(address)

    async def remove(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await accounts.remove(office, request.path_params["address"])
        return LIST

    async def _page(visitor: Visitor, address: str, told: str) -> Response:
        found = await _shown(office, visitor, address)
        return renderer.page(
            "person.html",
            visitor=visitor,
            here=LIST,
            found=found,
            told=told,
            factor=await second_factor.show(office, address),
            kept=await retention.show(office, address),
            suspected=await hijacking.of(office, address),
        )

    return [
        router.show(LIST, every, for_admins=True, of=THEIRS),
        router.do(LIST, add, for_admins=True, of=[Named("name", "form", "address")]),
        router.show(ONE, show, for_admins=True, of=[_SEEN]),
        router.do(ONE, change, for_admins=True, of=[CHANGED]),
        router.do(f"{ONE}/password", password, for_admins=True, of=[CHANGED]),
        router.do(f"{ONE}/addresses", add_name, for_admins=True, of=[CHANGED, _FURTHER]),
        router.do(f"{ONE}/addresses/remove", remove_name, for_admins=True, of=[CHANGED, _FURTHER]),
        router.do(f"{ONE}/remove", remove, for_admins=True, of=[CHANGED]),
    ]


async def _shown(office: Office, visitor: Visitor, address: str) -> AccountDetails:
    """An account as the visitor may see it."""
    found = await accounts.show(office, address)
    if visitor.within is None:
        return found
    return accounts.narrowed(found, await roles.domains_of(office, visitor.within))


def place(address: str) -> str:
    """The path of the page of a person."""
    return f"{LIST}/{in_path(address)}"


def octets(text: str) -> int:
    """``10 GB`` in octets; 0 for nothing, which is no limit. Raises Invalid."""
    return names.octets(text) if text.strip() else 0


def messages(text: str) -> int:
    """``5000``; 0 for nothing, which is no limit. Raises Invalid."""
    text = text.strip()
    if not text:
        return 0
    if len(text) > 9 or not (text.isascii() and text.isdecimal()):
        raise Invalid(f"{text!r} is no number of messages; write it like 5000, or leave it empty")
    return int(text)
