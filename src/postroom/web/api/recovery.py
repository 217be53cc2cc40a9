"""The API: messages that were refused or deleted, and can be had back."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from postroom.admin.mailboxes import rejects, undelete
from postroom.admin.mailboxes.rejects import Changed, RejectDetails, RejectView
from postroom.admin.mailboxes.undelete import ExpungedView, Filter, Purged, Restored
from postroom.admin.paging import Slice
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Paged

NOUN: Final = Noun("recovery", "mail", "Messages that were refused or deleted, to be had back.")


class Ids(Input, frozen=True, kw_only=True):
    """Which messages."""

    ids: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1000)]


class Released(Ids, frozen=True, kw_only=True):
    """Which refused messages."""

    anyway: Annotated[
        bool, Meta(description="Also those that were refused because they hold malware.")
    ] = False


class Deleted(Paged, frozen=True, kw_only=True):
    """Which deleted messages."""

    mailbox: Annotated[str, Meta(description="Where they were.")] = ""
    since: Annotated[datetime | None, Meta(description="Deleted then or later.")] = None


class Wanted(Input, frozen=True, kw_only=True):
    """Messages by their ids, or else by mailbox and time."""

    ids: tuple[str, ...] = ()
    mailbox: str = ""
    since: datetime | None = None
    to: Annotated[str, Meta(description="One mailbox for all. Default: where they were.")] = ""


@NOUN.on("GET", "/accounts/{address}/rejects")
async def refused(call: Call, address: str, query: Paged) -> Slice[RejectView]:
    """List what an account refused, the latest first."""
    return await rejects.page(call.office, address, after=query.after, size=query.limit)


@NOUN.on("GET", "/accounts/{address}/rejects/{ident}")
async def reject(call: Call, address: str, ident: str) -> RejectDetails:
    """Show a refused message with its header block."""
    return await rejects.show(call.office, address, ident)


@NOUN.on("POST", "/accounts/{address}/rejects/release")
async def release(call: Call, address: str, body: Released) -> Changed:
    """File refused messages into the INBOX."""
    return await rejects.release(call.office, address, body.ids, anyway=body.anyway)


@NOUN.on("POST", "/accounts/{address}/rejects/remove")
async def remove(call: Call, address: str, body: Ids) -> Changed:
    """Remove refused messages for good."""
    return await rejects.remove(call.office, address, body.ids)


@NOUN.on("GET", "/accounts/{address}/deleted")
async def deleted(call: Call, address: str, query: Deleted) -> Slice[ExpungedView]:
    """List the deleted messages of an account that can be had back, the latest first."""
    chosen = Filter(mailbox=query.mailbox, since=query.since)
    return await undelete.page(call.office, address, chosen, after=query.after, size=query.limit)


@NOUN.on("POST", "/accounts/{address}/deleted/restore")
async def restore(call: Call, address: str, body: Wanted) -> Restored:
    """Put deleted messages back where they were."""
    chosen = body.ids or Filter(mailbox=body.mailbox, since=body.since)
    return await undelete.restore(call.office, address, chosen, to=body.to)


@NOUN.on("POST", "/accounts/{address}/deleted/purge")
async def purge(call: Call, address: str, body: Ids) -> Purged:
    """End deleted messages for good."""
    return await undelete.purge(call.office, address, body.ids)
