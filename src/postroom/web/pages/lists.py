"""Mailing lists: all of them for administrators, and everybody's own.

Whoever looks after a list has a page for it below ``/me/lists``, with its settings, its members and
the posts that wait. Administrators have the same below ``/admin/lists``, where lists are added and
removed as well.
"""

import urllib.parse
from collections.abc import Mapping, Sequence
from typing import Final, cast, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from postroom.admin import held_posts, lists
from postroom.admin.lists import Changes
from postroom.directory.lists import Moderation, Posting, RewriteFrom, Subscribing
from postroom.errors import Invalid, NotFound
from postroom.web.desk import Desk, Visitor
from postroom.web.routing import THEIRS, Named, Router

ADMIN: Final = "/admin/lists"
OWN: Final = "/me/lists"
SHOWN: Final = 100  # members on a page
MOST_HELD: Final = 50  # posts that wait
_PATH: Final = Named("name", "path", "address")
_FORM: Final = Named("name", "form", "address")


def routes(desk: Desk) -> list[Route]:
    """The tables of lists, and the page of one."""
    office, renderer, router = desk.office, desk.renderer, Router(desk)

    async def every(request: Request, visitor: Visitor) -> Response:
        query = request.query_params
        sought = query.get("q", "")
        page = await lists.page(
            office, search=sought, after=query.get("after", ""), within=visitor.within
        )
        return renderer.page(
            "lists.html", visitor=visitor, here=ADMIN, page=page, sought=sought, base=ADMIN
        )

    async def add(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        made = await lists.add(
            office,
            fields.get("address", ""),
            Changes(name=fields.get("name", ""), owners=tuple(_words(fields, "owners"))),
        )
        return _place(ADMIN, made.address)

    async def remove(_request: Request, _visitor: Visitor, fields: Mapping[str, str]) -> str:
        await lists.remove(office, fields.get("address", ""))
        return ADMIN

    async def own(_request: Request, visitor: Visitor) -> Response:
        found = await lists.owned(office, visitor.identity.account_id)
        return renderer.page("own_lists.html", visitor=visitor, here="/me", found=found, base=OWN)

    every_one, own_one = _Pages(desk, ADMIN), _Pages(desk, OWN, is_own=True)
    return [
        router.show(ADMIN, every, for_admins=True, of=THEIRS),
        router.do(ADMIN, add, for_admins=True, of=[_FORM]),
        router.do(f"{ADMIN}/remove", remove, for_admins=True, of=[_FORM]),
        router.show(f"{ADMIN}/{{address}}", every_one.show, for_admins=True, of=[_PATH]),
        router.do(f"{ADMIN}/{{address}}", every_one.act, for_admins=True, of=[_PATH]),
        router.show(OWN, own, for_admins=False),
        router.show(f"{OWN}/{{address}}", own_one.show, for_admins=False),
        router.do(f"{OWN}/{{address}}", own_one.act, for_admins=False),
    ]


class _Pages:
    """The pages of single lists below ``base``; ``is_own``: for who looks after them."""

    def __init__(self, desk: Desk, base: str, *, is_own: bool = False) -> None:
        self._office = desk.office
        self._renderer = desk.renderer
        self._base = base
        self._is_own = is_own

    async def show(self, request: Request, visitor: Visitor) -> Response:
        """Posts that wait, members, settings."""
        address, query = await self._address(request, visitor), request.query_params
        office, sought = self._office, query.get("q", "")
        members = await lists.members_page(
            office, address, search=sought, after=query.get("after", ""), size=SHOWN
        )
        return self._renderer.page(
            "list.html",
            visitor=visitor,
            here="/me" if self._is_own else ADMIN,
            base=self._base,
            found=await lists.show(office, address),
            members=members,
            sought=sought,
            held=[one async for one in held_posts.every(office, address, limit=MOST_HELD)],
        )

    async def act(self, request: Request, visitor: Visitor, fields: Mapping[str, str]) -> str:
        """Whatever a form of the page wants."""
        address = await self._address(request, visitor)
        office, action, member = self._office, fields.get("action", ""), fields.get("member", "")
        match action:
            case "settings":
                await lists.change(office, address, _changes(fields))
            case "add":
                await lists.add_members(office, address, _words(fields, "members"))
            case "remove":
                await lists.remove_members(office, address, [member])
            case "suspend" | "resume":
                suspended = action == "suspend"
                await lists.suspend_members(office, address, [member], suspended=suspended)
            case "accept":
                await held_posts.accept(office, await self._post(address, fields))
            case "reject":
                ident, because = await self._post(address, fields), fields.get("because", "")
                await held_posts.reject(office, ident, because.strip())
            case _:
                raise Invalid("that can't be done with a mailing list")
        return f"{_place(self._base, address)}#done"

    async def _address(self, request: Request, visitor: Visitor) -> str:
        """That of the list. Raises NotFound for one that somebody else looks after."""
        address = str(request.path_params["address"])
        if self._is_own:
            mine = await lists.owned(self._office, visitor.identity.account_id)
            if address.casefold() not in {one.address.casefold() for one in mine}:
                raise NotFound(f"you look after no mailing list {address}")
        return address

    async def _post(self, address: str, fields: Mapping[str, str]) -> str:
        """The post that is meant, which waits for this list and no other."""
        ident = fields.get("post", "")
        if (await held_posts.list_of(self._office, ident)).casefold() != address.casefold():
            raise NotFound(f"no post {ident} to {address} waits")
        return ident


def _place(base: str, address: str) -> str:
    return f"{base}/{urllib.parse.quote(address)}"


def _words(fields: Mapping[str, str], name: str) -> list[str]:
    return fields.get(name, "").replace(",", " ").split()


def _changes(fields: Mapping[str, str]) -> Changes:
    """Everything that the form of the settings says. Raises Invalid."""
    megabytes = fields.get("max_size", "0").strip() or "0"
    if not (megabytes.isascii() and megabytes.isdigit() and len(megabytes) < 7):
        raise Invalid(f"{megabytes!r} is no number of megabytes; 0 is any size")
    return Changes(
        name=fields.get("name", ""),
        posting=cast("Posting", _chosen(fields, "posting", get_args(Posting))),
        moderation=cast("Moderation", _chosen(fields, "moderation", get_args(Moderation))),
        subscribing=cast("Subscribing", _chosen(fields, "subscribing", get_args(Subscribing))),
        rewrite_from=cast("RewriteFrom", _chosen(fields, "rewrite_from", get_args(RewriteFrom))),
        own_copy="own_copy" in fields,
        max_size=int(megabytes) * 1024 * 1024,
        owners=tuple(_words(fields, "owners")),
        archive=tuple(_words(fields, "archive")),
    )


def _chosen(fields: Mapping[str, str], name: str, words: Sequence[str]) -> str:
    if fields.get(name) not in words:
        raise Invalid(f"{name} is one of {', '.join(words)}")
    return fields[name]
