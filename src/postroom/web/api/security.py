"""The API: networks that get no service."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import bans
from postroom.admin.bans import MOST_HOURS, BanView
from postroom.admin.paging import Slice
from postroom.policy.bans import Doors
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged

NOUN: Final = Noun("security", "security", "Networks that get no service.")


class NewBan(Input, frozen=True, kw_only=True):
    """An address or a network, turned away."""

    network: str
    reason: str = ""
    hours: Annotated[int, Meta(ge=0, le=MOST_HOURS, description="0: for good.")] = 0
    doors: Doors = "all"


class OldBan(Input, frozen=True, kw_only=True):
    """Who is let in again."""

    network: str
    doors: Annotated[Doors | None, Meta(description="Only the ban for these.")] = None


@NOUN.on("GET", "/bans")
async def every(call: Call, query: Paged) -> Slice[BanView]:
    """List the bans in force, by network."""
    return await bans.page(call.office, after=query.after, size=query.limit)


@NOUN.on("POST", "/bans", status=201)
async def add(call: Call, body: NewBan) -> BanView:
    """Turn a network away."""
    return await bans.add(
        call.office, body.network, reason=body.reason, hours=body.hours, doors=body.doors
    )


@NOUN.on("POST", "/bans/remove")
async def remove(call: Call, body: OldBan) -> list[BanView]:
    """Let a network in again."""
    return await bans.remove(call.office, body.network, doors=body.doors)
