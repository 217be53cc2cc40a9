"""Whom a person hears from: masked addresses, blocked and trusted senders, what was refused."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import masks, spam
from postroom.admin.filters import senders
from postroom.admin.mailboxes import digest, rejects
from postroom.admin.mailboxes.digest import Choice
from postroom.admin.office import Office
from postroom.directory.senders import List
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Action, Router

HERE: Final = "/me/senders"
SHOWN: Final = 50  # rejects and masks on a page, the newest first
_LEVELS: Final[Mapping[str, str]] = {
    "off": "off: nothing is junk",
    "lenient": "lenient",
    "normal": "normal",
    "strict": "strict",
}

_OFTEN: Final[Mapping[Choice, str]] = {
    "usual": "as the postmaster says",
    "never": "never",
    "daily": "every day",
    "weekly": "every week",
}
_LISTS: Final[Mapping[str, List]] = {"block": "block", "allow": "allow"}


def routes(desk: Desk) -> list[Route]:
    """The page and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(request: Request, visitor: Visitor) -> Response:
        address, query = visitor.identity.address, request.query_params
        masked, refused = query.get("masks", ""), query.get("rejects", "")
        return renderer.page(
            "senders.html", visitor=visitor, here=HERE, masked=masked, refused=refused,
            masks=await masks.page(office, address, after=masked, size=SHOWN),
            rejects=await rejects.page(office, address, after=refused, size=SHOWN),
            junk=await spam.status(office, address), levels=_LEVELS,
            digest=await digest.show(office, address), often=_OFTEN,
            blocked=await senders.show(office, address, "block"),
            allowed=await senders.show(office, address, "allow"),
        )  # fmt: skip

    async def mask(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        masked = fields.get("mask")
        if masked is None:
            await masks.add(office, visitor.identity.address, label=fields.get("label", ""))
            return HERE
        own, is_on = visitor.identity.account_id, fields.get("state") == "on"
        await masks.change(office, masked, is_on=is_on, account_id=own)
        return HERE

    async def listed(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        which = _LISTS.get(fields.get("list", ""))
        if which is None:
            raise Invalid("there is no such list")
        change = senders.remove if "remove" in fields else senders.add
        await change(office, visitor.identity.address, which, [fields.get("sender", "")])
        return HERE

    async def junk(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await spam.set_level(office, visitor.identity.address, _level(fields))
        return HERE

    async def rejected(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        address, chosen = visitor.identity.address, [fields.get("id", "")]
        if "release" in fields:
            await rejects.release(office, address, chosen, anyway="anyway" in fields)
        else:
            await rejects.remove(office, address, chosen)
        return HERE

    return [
        router.show(HERE, show, for_admins=False),
        router.do(f"{HERE}/masks", mask, for_admins=False),
        router.do(f"{HERE}/lists", listed, for_admins=False),
        router.do(f"{HERE}/junk", junk, for_admins=False),
        router.do(f"{HERE}/digest", _telling(office), for_admins=False),
        router.do(f"{HERE}/rejects", rejected, for_admins=False),
    ]


def _telling(office: Office) -> Action:
    """The form that says how often to be told."""

    async def told(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        often = next((word for word in _OFTEN if word == fields.get("often")), None)
        if often is None:
            raise Invalid("choose how often to be told")
        await digest.choose(office, visitor.identity.address, often)
        return f"{HERE}#digest"

    return told


def _level(fields: Mapping[str, str]) -> str:
    """Raises Invalid."""
    level = fields.get("level", "")
    if level not in _LEVELS:
        raise Invalid("choose how strict the filter is")
    return level
