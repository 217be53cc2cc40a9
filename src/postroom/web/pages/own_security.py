"""How a person gets in: the second factor, and where they are logged in."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import passkeys, second_factor, web_sessions
from postroom.web import qr, wording
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.passkeys import offer
from postroom.web.routing import ENROL, Router


def routes(desk: Desk) -> list[Route]:
    """The page and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        return await _page(request, visitor)

    async def begin(_request: Request, visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await second_factor.begin(office, visitor.identity.address)
        return f"{ENROL}#second-factor"  # begun is not done

    async def enable(request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        codes = await second_factor.enable(
            office, visitor.identity.address, fields.get("code", ""),
            opens_mail="opens_mail" in fields, keep_session=visitor.session.token,
        )  # fmt: skip
        return await _page(request, visitor, codes)

    async def disable(request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await desk.prove(request, visitor, fields.get("password", ""))
        await second_factor.disable(office, visitor.identity.address, fields.get("code", ""))
        return ENROL

    async def renew(request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        address = visitor.identity.address
        return await _page(
            request,
            visitor,
            await second_factor.renew_codes(office, address, fields.get("code", "")),
        )

    async def _page(request: Request, visitor: Visitor, codes: Sequence[str] = ()) -> Response:
        address = visitor.identity.address
        factor = await second_factor.show(office, address)
        offered, ticket = await offer(desk, request, visitor)
        enrolment, picture = None, ""
        if factor.state == "begun":
            enrolment = await second_factor.enrolment(office, address)
            picture = qr.svg(enrolment.uri, "QR code of the key below")
        return renderer.page(
            "own_security.html", visitor=visitor, here=ENROL, factor=factor, codes=codes,
            enrolment=enrolment, picture=picture, offered=offered, ticket=ticket,
            passkeys=await passkeys.every(office, address),
            sessions=await web_sessions.of(office, address),
            this=web_sessions.shown_id(visitor.session), words=wording,
        )  # fmt: skip

    return [
        router.show(ENROL, show, for_admins=False, to_enrol=True),
        router.do(f"{ENROL}/begin", begin, for_admins=False, to_enrol=True),
        router.do(f"{ENROL}/enable", enable, for_admins=False, to_enrol=True),
        router.do(f"{ENROL}/disable", disable, for_admins=False),
        router.do(f"{ENROL}/codes", renew, for_admins=False),
    ]
