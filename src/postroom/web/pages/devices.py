"""A person's devices: a password for each, and how mail programs are set up with it."""

import urllib.parse
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import accounts, activity, client_settings, credentials, second_factor
from postroom.admin.client_settings import ClientSettings
from postroom.web import qr, thunderbird, wording
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

HERE: Final = "/me/devices"


class Made(msgspec.Struct, frozen=True):
    """A new password, shown once. The pictures are SVG, "" where there is nothing to scan."""

    label: str
    password: str
    android: str
    apple: str


def routes(desk: Desk) -> list[Route]:
    """The page and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(_request: Request, visitor: Visitor) -> Response:
        return await _page(visitor, None)

    async def add(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        address, label = visitor.identity.address, fields.get("label", "").strip()
        password = await credentials.add_app(office, address, label)
        settings = await client_settings.require(office, address)
        code = thunderbird.account(
            settings, _host(settings), address, visitor.identity.name, password
        )
        apple = qr.svg(_profile(settings, address), "QR code of the profile for Apple devices")
        android = qr.svg(code, "QR code of the account for Android") if code else ""
        return await _page(visitor, Made(label, password, android, apple if code else ""))

    async def remove(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await credentials.remove_app(office, visitor.identity.address, fields.get("label", ""))
        return HERE

    async def _page(visitor: Visitor, made: Made | None) -> Response:
        address = visitor.identity.address
        settings = await client_settings.require(office, address)
        return renderer.page(
            "devices.html", visitor=visitor, here=HERE, made=made, words=wording,
            found=await accounts.show(office, address), settings=settings, host=_host(settings),
            imap=settings.of("imap")[:1], smtp=settings.of("smtp")[:1],
            profile=_profile(settings, address),
            ways=[one for one in await activity.ways(office, address) if one.means == "app"],
            factor=await second_factor.show(office, address),
            is_outside=await office.directory.is_outside(visitor.identity.account_id),
        )  # fmt: skip

    def _host(settings: ClientSettings) -> str:
        """What programs connect to; on a trial that is this machine."""
        return client_settings.only_here(office.config) or settings.hostname

    def _profile(settings: ClientSettings, address: str) -> str:
        return f"https://{settings.hostname}/mobileconfig?email={urllib.parse.quote(address)}"

    return [
        router.show(HERE, show, for_admins=False),
        router.do(HERE, add, for_admins=False),
        router.do(f"{HERE}/remove", remove, for_admins=False),
    ]
