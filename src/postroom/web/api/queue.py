"""The API: mail that waits to be delivered."""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta

from postroom.admin import queue
from postroom.admin.paging import Slice
from postroom.admin.queue import Outcome, QueuedDetails, QueuedView, StatsView
from postroom.queue.listing import Filter
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged

NOUN: Final = Noun("queue", "queue", "Mail that waits to be delivered to other servers.")


class Waiting(Paged, frozen=True, kw_only=True):
    """Which letters."""

    destination: Annotated[str, Meta(description="A domain.")] = ""
    sender: Annotated[str | None, Meta(description="<> is nobody: notices.")] = None
    recipient: str = ""


class Chosen(Input, frozen=True, kw_only=True):
    """Letters by their ids, or by what they have in common; ``all`` for every one."""

    ids: tuple[str, ...] = ()
    destination: str = ""
    sender: str | None = None
    recipient: str = ""
    all: bool = False


class Action(Chosen, frozen=True, kw_only=True):
    """What to do with them."""

    action: Literal["retry", "hold", "release", "remove", "reroute"]
    via: Annotated[
        str, Meta(description="For reroute: a relay, mx for straight, or configured.")
    ] = "configured"


@NOUN.on("GET", "/queue")
async def every(call: Call, query: Waiting) -> Slice[QueuedView]:
    """List the letters that wait, the oldest first."""
    chosen = queue.choose(
        destination=query.destination, sender=query.sender, recipient=query.recipient, all_=True
    )
    return await queue.page(call.office, chosen, after=query.after, size=query.limit)


@NOUN.on("GET", "/queue/stats")
async def stats(call: Call) -> StatsView:
    """Tell how deep the queue is, and where it is deepest."""
    return await queue.stats(call.office)


@NOUN.on("GET", "/queue/{ident}")
async def show(call: Call, ident: str) -> QueuedDetails:
    """Show a letter with everything that is known of it."""
    return await queue.show(call.office, ident)


@NOUN.on("POST", "/queue")
async def act(call: Call, body: Action) -> Outcome:
    """Retry, hold, release, reroute or remove letters."""
    office, chosen = call.office, _chosen(body)
    match body.action:
        case "retry":
            return await queue.retry(office, chosen)
        case "hold":
            return await queue.hold(office, chosen)
        case "release":
            return await queue.release(office, chosen)
        case "remove":
            return await queue.remove(office, chosen)
        case "reroute":
            return await queue.reroute(office, chosen, await _route(call, body.via))


async def _route(call: Call, via: str) -> str | None:
    if via in {"mx", "configured"}:
        return via if via == "mx" else None
    return await queue.relay_route(call.office, via)


def _chosen(body: Chosen) -> Sequence[str] | Filter:
    if body.ids:
        return body.ids
    return queue.choose(
        destination=body.destination,
        sender=body.sender,
        recipient=body.recipient,
        all_=body.all,
    )
