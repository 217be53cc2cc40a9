"""Forms below the list of a mailbox: mailboxes are made, renamed and deleted, the signature is kept."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.routing import Route

from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.mail import signature
from postroom.web.mail.reader import Reader
from postroom.web.pages.mail import HERE, path_of
from postroom.web.routing import Router


def routes(desk: Desk) -> list[Route]:
    """The forms."""
    office, router = desk.office, Router(desk)

    async def make(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        name = fields.get("name", "").strip()
        made = await Reader(office, visitor.identity).folders.create(name)
        return path_of(made.name)

    async def sign(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await signature.write(Reader(office, visitor.identity), fields.get("signature", ""))
        return f"{HERE}#done"

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
        router.do(f"{HERE}/mailboxes", make, for_admins=False),
        router.do(f"{HERE}/mailboxes/change", change, for_admins=False),
    ]
