"""How safely a message that is being written would go to each of its recipients."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.outgoing.ways import Ways, WayView
from postroom.web.desk import Desk, Visitor
from postroom.web.mail import writing as words
from postroom.web.mail.form import Form
from postroom.web.mail.outbox import Outbox
from postroom.web.mail.reader import Reader
from postroom.web.pages.write import Told, form_page, taken, unchanged
from postroom.web.routing import Router

HERE: Final = "/mail/ways"


def routes(desk: Desk) -> list[Route]:
    """The ways alone, for scripts, and the form with them."""
    ways, router = Ways(desk.office, desk.resolver), Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        found = await _of(ways, visitor, request.query_params)
        return desk.renderer.page("mail_ways.html", visitor=visitor, here="/mail", ways=found)

    async def check(_request: Request, visitor: Visitor, form: Form) -> Response:
        reader = Reader(desk.office, visitor.identity)
        outbox = Outbox(desk, reader)
        writing = await taken(reader, form)
        if writing is None:
            return await unchanged(outbox, visitor, form)
        found = await _of(ways, visitor, form.fields)
        told = Told(ways=found, has_lost=bool(form.files))
        return await form_page(outbox, visitor, writing, form.fields.get("mark", ""), told)

    return [router.show(HERE, show, for_admins=False), router.write(HERE, check)]


async def _of(ways: Ways, visitor: Visitor, fields: Mapping[str, str]) -> list[WayView]:
    """What is no address yet is left out. Raises Invalid for a sender that is none."""
    found = [one for name in ("to", "cc", "bcc") for one in words.domains(fields.get(name, ""))]
    sender = words.sender(fields.get("from", "") or visitor.identity.address)
    return await ways.of(visitor.identity.account_id, sender.domain, found)
