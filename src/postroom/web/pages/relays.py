"""Relays: servers that outgoing mail goes through, what goes through them, and whether they work."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin.outgoing import presets, relay_test, relays
from postroom.admin.outgoing.relay_test import RelayTest
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.directory.relays import Tls
from postroom.errors import Invalid
from postroom.web.desk import Desk, Visitor
from postroom.web.pages.filters import number
from postroom.web.routing import Router

LIST: Final = "/admin/relays"
ONE: Final = f"{LIST}/{{name}}"
SECONDS: Final = 10.0  # that a browser waits for each part of a test
_TLS: Final[Mapping[str, Tls | None]] = {
    "": None,
    "none": "none",
    "starttls": "starttls",
    "implicit": "implicit",
}
_SEPARATORS: Final = re.compile(r"[\s,;]+")


def routes(desk: Desk) -> list[Route]:
    """The list, a relay, and what is done with it."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        page = await relays.page(office, after=request.query_params.get("after", ""))
        return renderer.page(
            "relays.html", visitor=visitor, here=LIST, page=page, presets=presets.every(),
            in_words=relays.in_words,
        )  # fmt: skip

    async def add(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        added = await relays.add(office, fields.get("name", ""), _wanted(fields), _uses(fields))
        return f"{LIST}/{added.name}"

    async def show(request: Request, visitor: Visitor) -> Response:
        return await _page(request, visitor, None)

    async def change(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        changed = await relays.change(office, request.path_params["name"], _wanted(fields))
        return f"{LIST}/{changed.name}"

    async def use(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        changed = await relays.use(office, request.path_params["name"], [_use(fields)])
        return f"{LIST}/{changed.name}"

    async def unuse(request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        changed = await relays.unuse(office, request.path_params["name"], [_use(fields)])
        return f"{LIST}/{changed.name}"

    async def test(request: Request, visitor: Visitor, fields: Mapping[str, str]) -> Response:
        to = fields.get("to", "").strip()
        name = request.path_params["name"]
        return await _page(
            request, visitor, await relay_test.walk(office, name, to=to, seconds=SECONDS)
        )

    async def remove(request: Request, _visitor: Visitor, _fields: Mapping[str, str]) -> str:
        await relays.remove(office, request.path_params["name"])
        return LIST

    async def _page(request: Request, visitor: Visitor, tested: RelayTest | None) -> Response:
        found = await relays.show(office, request.path_params["name"])
        known = [one for one in presets.every() if one.name == found.preset]
        return renderer.page(
            "relay.html", visitor=visitor, here=LIST, found=found, tested=tested,
            preset=known[0] if known else None, in_words=relays.in_words,
            step_names=relay_test.IN_WORDS,
        )  # fmt: skip

    return [
        router.show(LIST, every, for_admins=True),
        router.do(LIST, add, for_admins=True),
        router.show(ONE, show, for_admins=True),
        router.do(ONE, change, for_admins=True),
        router.do(f"{ONE}/uses", use, for_admins=True),
        router.do(f"{ONE}/uses/remove", unuse, for_admins=True),
        router.do(f"{ONE}/test", test, for_admins=True),
        router.do(f"{ONE}/remove", remove, for_admins=True),
    ]


def _wanted(fields: Mapping[str, str]) -> Wanted:
    """What was filled in: an empty field is as the preset says, or as it was. Raises Invalid."""
    given = {name: fields.get(name, "").strip() for name in ("preset", "host", "port", "login")}
    tls = fields.get("tls", "")
    if tls not in _TLS:
        raise Invalid("choose how the relay is encrypted")
    verify = {"yes": True, "no": False}.get(fields.get("verify", ""))
    login = "" if "no_login" in fields else given["login"] or None
    return Wanted(
        preset=given["preset"] or None,
        host=given["host"] or None,
        port=number(given["port"], "port") if given["port"] else None,
        tls=_TLS[tls],
        verify=verify,
        login=login,
        password=fields.get("password") or None,
        is_token="is_token" in fields,
    )


def _uses(fields: Mapping[str, str]) -> list[UseView]:
    """What a new relay is for."""
    return [
        *([UseView("default")] if "default" in fields else []),
        *(UseView("sender-domain", one) for one in _several(fields.get("senders", ""))),
        *(UseView("recipient-domain", one) for one in _several(fields.get("recipients", ""))),
        *(UseView("account", one) for one in _several(fields.get("accounts", ""))),
    ]


def _use(fields: Mapping[str, str]) -> UseView:
    kind, of = fields.get("kind", ""), fields.get("of", "").strip()
    try:
        return msgspec.convert({"kind": kind, "of": "" if kind == "default" else of}, UseView)
    except msgspec.ValidationError:
        raise Invalid("choose which mail goes through the relay") from None


def _several(text: str) -> list[str]:
    return [one for one in _SEPARATORS.split(text) if one]
