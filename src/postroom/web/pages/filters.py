"""What a person lets be done with their mail: answers while away, rules, forwarding."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import forwards
from postroom.admin.filters import rules, vacations
from postroom.admin.filters.vacations import VacationView
from postroom.admin.office import Office
from postroom.directory.rules import Action
from postroom.directory.vacations import Vacation
from postroom.errors import Invalid, NotFound
from postroom.web import wording
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import Router

HERE: Final = "/me/filters"
_NEEDED: Final[Mapping[str, str]] = {
    "move": "the folder",
    "copy": "the folder",
    "flag": "the flag, such as flagged or seen",
    "forward": "the address to forward to",
}


def routes(desk: Desk) -> list[Route]:
    """The page and its forms."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def show(_request: Request, visitor: Visitor) -> Response:
        address = visitor.identity.address
        away = await _away(office, address)
        return renderer.page(
            "filters.html", visitor=visitor, here=HERE, away=away,
            words=wording, rules=await rules.show(office, address), mark=rules.mark,
            forward=await forwards.show(office, address),
        )  # fmt: skip

    async def away(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        address = visitor.identity.address
        if "end" in fields:
            await vacations.end(office, address)
            return HERE
        before = await _away(office, address)
        wanted = Vacation(
            fields.get("text", ""),
            fields.get("subject", ""),
            fields.get("begins", ""),
            fields.get("ends", ""),
            number(fields.get("days", "") or "7", "days"),
            () if before is None else before.addresses,
        )
        await vacations.change(office, address, wanted)
        return HERE

    async def add_rule(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        await rules.add(
            office,
            visitor.identity.address,
            [
                rules.condition(
                    fields.get("field", ""), fields.get("test", ""), fields.get("value", "")
                )
            ],
            [_action(fields.get("action", ""), fields.get("argument", "").strip())],
        )
        return HERE

    async def change_rule(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        which, seen = number(fields.get("number", ""), "the rule"), fields.get("seen", "")
        address = visitor.identity.address
        if "up" in fields:
            await rules.move(office, address, which, max(1, which - 1), seen=seen)
        else:
            await rules.remove(office, address, which, seen=seen)
        return HERE

    async def forward(_request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        address = visitor.identity.address
        to = fields.get("to", "").replace(",", " ").split()
        if to:
            await forwards.change(office, address, to=to, keep="keep" in fields)
        else:
            await forwards.end(office, address)
        return HERE

    return [
        router.show(HERE, show, for_admins=False),
        router.do(f"{HERE}/vacation", away, for_admins=False),
        router.do(f"{HERE}/rules", add_rule, for_admins=False),
        router.do(f"{HERE}/rules/change", change_rule, for_admins=False),
        router.do(f"{HERE}/forward", forward, for_admins=False),
    ]


async def _away(office: Office, address: str) -> VacationView | None:
    try:
        return await vacations.show(office, address)
    except NotFound:
        return None


def _action(kind: str, argument: str) -> Action:
    """Raises Invalid."""
    if kind in _NEEDED and not argument:
        raise Invalid(f"type {_NEEDED[kind]} into the last field")
    return rules.action(kind, "" if kind == "discard" else argument)


def number(text: str, what: str) -> int:
    """A whole number that was typed; raises Invalid."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"{what}: {text!r} is no whole number; write it in digits")
    return int(text)
