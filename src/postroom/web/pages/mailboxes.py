"""Below the list of a mailbox: mailboxes are made, renamed and deleted, signatures are kept."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.mail import signature
from postroom.web.mail.outbox import Outbox
from postroom.web.mail.reader import Reader
from postroom.web.pages.mail import HERE, path_of
from postroom.web.routing import Router

SIGNATURES: Final = f"{HERE}/signatures"
MOST_SENDERS: Final = 50  # whose signatures stand on the page


def routes(desk: Desk) -> list[Route]:
    """The forms."""
    office, router = desk.office, Router(desk)

    async def make(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = fields.get("name", "").strip()
        made = await Reader(office, visitor.identity).folders.create(name)
        return path_of(made.name)

    async def sign(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        reader, address = Reader(office, visitor.identity), fields.get("address", "")
        if address and address not in await Outbox(desk, reader).senders():
            raise Invalid(f"you do not write as {address}")
        await signature.write(reader, fields.get("signature", ""), address)
        return f"{SIGNATURES if address else HERE}#done"

    async def signatures(_request: Request, visitor: Visitor) -> Response:
        reader = Reader(office, visitor.identity)
        kept = await signature.every(reader)
        senders = (await Outbox(desk, reader).senders())[:MOST_SENDERS]
        found = [(address, kept.get(signature.entry(address), "")) for address in senders]
        return desk.renderer.page(
            "mail_signatures.html", visitor=visitor, here="/mail", found=found,
            usual=kept.get(signature.ENTRY, ""),
        )  # fmt: skip

    async def change(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        folders, box = Reader(office, visitor.identity).folders, fields.get("box", "")
        if "remove" in fields:
            if "sure" not in fields:
                raise Invalid(f"tick that {box} goes with its messages to delete it")
            await folders.delete(box)
            return HERE
        return path_of(await folders.rename(box, fields.get("name", "").strip()))

    return [
        router.do(f"{HERE}/signature", sign, for_admins=False),
        router.show(SIGNATURES, signatures, for_admins=False),
        router.do(f"{HERE}/mailboxes", make, for_admins=False),
        router.do(f"{HERE}/mailboxes/change", change, for_admins=False),
    ]
