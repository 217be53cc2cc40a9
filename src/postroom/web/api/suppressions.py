"""The API: whom an account does not write to for now."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import suppression
from postroom.admin.paging import Slice
from postroom.admin.suppression import Choice, SuppressedView, SuppressionView
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Search

NOUN: Final = Noun("suppressions", "mail", "Whom an account does not write to for now.")


class Addresses(Input, frozen=True, kw_only=True):
    """Addresses elsewhere."""

    addresses: Annotated[tuple[str, ...], Meta(min_length=1, max_length=1_000)]


class Use(Input, frozen=True, kw_only=True):
    """What heeds the list and fills it: ``default`` is what the settings say."""

    scope: Choice


@NOUN.on("GET", "/accounts/{address}/suppressions")
async def every(call: Call, address: str, query: Search) -> Slice[SuppressedView]:
    """List the addresses that an account does not write to.

    ``search`` finds those that begin so; ``total`` counts all.
    """
    return await suppression.page(
        call.office, address, search=query.search, after=query.after, size=query.limit
    )


@NOUN.on("POST", "/accounts/{address}/suppressions")
async def add(call: Call, address: str, body: Addresses) -> SuppressionView:
    """Let an account not write to addresses until they are removed."""
    return await suppression.add(call.office, address, body.addresses)


@NOUN.on("GET", "/accounts/{address}/suppressions/{recipient}")
async def show(call: Call, address: str, recipient: str) -> SuppressedView:
    """Tell why an account does not write to an address; 404 when it may."""
    return await suppression.show(call.office, address, recipient)


@NOUN.on("DELETE", "/accounts/{address}/suppressions/{recipient}")
async def remove(call: Call, address: str, recipient: str) -> SuppressionView:
    """Let an account write to an address again."""
    return await suppression.remove(call.office, address, [recipient])


@NOUN.on("GET", "/accounts/{address}/suppression")
async def status(call: Call, address: str) -> SuppressionView:
    """Tell how an account uses its suppression list."""
    return await suppression.status(call.office, address)


@NOUN.on("PUT", "/accounts/{address}/suppression")
async def use(call: Call, address: str, body: Use) -> SuppressionView:
    """Say what heeds the list of an account, and fills it."""
    return await suppression.use(call.office, address, body.scope)
