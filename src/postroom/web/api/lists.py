"""The API: mailing lists."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from postroom.admin import held_posts, lists
from postroom.admin.held_posts import HeldView
from postroom.admin.lists import Changes, ListView, MemberView
from postroom.admin.paging import Slice
from postroom.directory.lists import Moderation, Posting, RewriteFrom, Subscribing
from postroom.errors import NotFound
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Search

NOUN: Final = Noun("lists", "aliases", "Mailing lists: addresses that many people read.")

MayPost = Annotated[Posting, Meta(description="Who may post.")]
Waits = Annotated[
    Moderation,
    Meta(description="Which posts wait for an owner: none, of others than may post, all."),
]
Joins = Annotated[Subscribing, Meta(description="Whether people may join by themselves.")]
Rewrites = Annotated[
    RewriteFrom,
    Meta(
        description="Which posts name the list in From, and their author in Reply-To: those of"
        " authors whose DMARC policy would have members refuse them, none, all."
    ),
]
Size = Annotated[int, Meta(ge=0, description="Octets of the largest post; 0 is any.")]
Owners = Annotated[tuple[str, ...], Meta(description="Who looks after it.")]
Archive = Annotated[tuple[str, ...], Meta(description="Gets every post, to keep.")]


class ListChanges(Input, frozen=True, kw_only=True):
    """What is left out stays; ``owners`` and ``archive`` replace all."""

    name: str | None = None
    posting: MayPost | None = None
    moderation: Waits | None = None
    subscribing: Joins | None = None
    rewrite_from: Rewrites | None = None
    own_copy: bool | None = None
    max_size: Size | None = None
    owners: Owners | None = None
    archive: Archive | None = None


class NewList(ListChanges, frozen=True, kw_only=True):
    """A mailing list; what is left out is as `postroom list add` has it."""

    address: str


class NewListName(Input, frozen=True, kw_only=True):
    """The address from now on."""

    new: str


class MemberChanges(Input, frozen=True, kw_only=True):
    """Who comes, who goes, who gets nothing more, and who gets posts again."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    suspend: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()


class Rejection(Input, frozen=True, kw_only=True):
    """What the author is told besides."""

    because: str = ""


@NOUN.on("GET", "/lists", narrows=True)
async def every(call: Call, query: Search) -> Slice[ListView]:
    """List mailing lists by domain and name."""
    return await lists.page(
        call.office, search=query.search, after=query.after, size=query.limit, within=call.within
    )


@NOUN.on("POST", "/lists", status=201, within=["body.address"])
async def add(call: Call, body: NewList) -> ListView:
    """Make a mailing list; it has no members yet."""
    said = msgspec.structs.asdict(body)
    return await lists.add(call.office, said.pop("address"), Changes(**said))


@NOUN.on("GET", "/lists/{address}")
async def show(call: Call, address: str) -> ListView:
    """Show a mailing list."""
    return await lists.show(call.office, address)


@NOUN.on("PATCH", "/lists/{address}")
async def change(call: Call, address: str, body: ListChanges) -> ListView:
    """Change the settings, the owners, the archive."""
    return await lists.change(call.office, address, Changes(**msgspec.structs.asdict(body)))


@NOUN.on("POST", "/lists/{address}/rename", within=["address", "body.new"])
async def rename(call: Call, address: str, body: NewListName) -> ListView:
    """Give a mailing list another address."""
    return await lists.rename(call.office, address, body.new)


@NOUN.on("DELETE", "/lists/{address}")
async def remove(call: Call, address: str) -> ListView:
    """Take a mailing list away; posts to it are refused from now on."""
    return await lists.remove(call.office, address)


@NOUN.on("GET", "/lists/{address}/members")
async def members(call: Call, address: str, query: Search) -> Slice[MemberView]:
    """List the members by address."""
    return await lists.members_page(
        call.office, address, search=query.search, after=query.after, size=query.limit
    )


@NOUN.on("PATCH", "/lists/{address}/members")
async def change_members(call: Call, address: str, body: MemberChanges) -> ListView:
    """Change who is in the list, and who gets posts."""
    office = call.office
    if body.add:
        await lists.add_members(office, address, body.add)
    if body.remove:
        await lists.remove_members(office, address, body.remove)
    if body.suspend:
        await lists.suspend_members(office, address, body.suspend, suspended=True)
    if body.resume:
        await lists.suspend_members(office, address, body.resume, suspended=False)
    return await lists.show(office, address)


@NOUN.on("GET", "/lists/{address}/held")
async def held(call: Call, address: str) -> tuple[HeldView, ...]:
    """List the posts that wait for an owner, the oldest hundred."""
    found = held_posts.every(call.office, address, limit=100)
    return tuple([one async for one in found])


@NOUN.on("POST", "/lists/{address}/held/{ident}/accept")
async def accept(call: Call, address: str, ident: str) -> HeldView:
    """Let a post that waits go to the members."""
    await _require(call, address, ident)
    return await held_posts.accept(call.office, ident)


@NOUN.on("POST", "/lists/{address}/held/{ident}/reject")
async def reject(call: Call, address: str, ident: str, body: Rejection) -> HeldView:
    """Turn a post that waits away, and tell its author where that is no stranger."""
    await _require(call, address, ident)
    return await held_posts.reject(call.office, ident, body.because)


async def _require(call: Call, address: str, ident: str) -> None:
    """Raises NotFound for a post that waits for another list."""
    if (await held_posts.list_of(call.office, ident)).casefold() != address.casefold():
        raise NotFound(f"no post {ident} to {address} waits")
