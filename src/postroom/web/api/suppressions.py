"""The API: whom an account, or a domain, does not write to for now."""

from typing import Annotated, Final

from msgspec import Meta

from postroom.admin import domain_suppression, suppression
from postroom.admin.domain_suppression import DomainSuppressedView, DomainSuppressionView
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


class Share(Input, frozen=True, kw_only=True):
    """Whether the accounts of a domain heed each other's lists."""

    shared: bool


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


@NOUN.on("GET", "/domains/{domain}/suppressions", scope="domains:read")
async def of_domain(call: Call, domain: str, query: Search) -> Slice[DomainSuppressedView]:
    """List whom the accounts of a domain do not write to, by account and address.

    ``search`` finds addresses that begin so; ``total`` counts all.
    """
    return await domain_suppression.page(
        call.office, domain, search=query.search, after=query.after, size=query.limit
    )


@NOUN.on("GET", "/domains/{domain}/suppressions/{recipient}", scope="domains:read")
async def show_of_domain(call: Call, domain: str, recipient: str) -> list[DomainSuppressedView]:
    """Tell on which lists of a domain an address stands; 404 when on none."""
    return await domain_suppression.show(call.office, domain, recipient)


@NOUN.on("DELETE", "/domains/{domain}/suppressions/{recipient}", scope="domains:write")
async def remove_of_domain(call: Call, domain: str, recipient: str) -> DomainSuppressionView:
    """Let every account of a domain write to an address again."""
    return await domain_suppression.remove(call.office, domain, [recipient])


@NOUN.on("GET", "/domains/{domain}/suppression", scope="domains:read")
async def status_of_domain(call: Call, domain: str) -> DomainSuppressionView:
    """Tell how long the lists of a domain are together, and whether they are shared."""
    return await domain_suppression.status(call.office, domain)


@NOUN.on("PUT", "/domains/{domain}/suppression", scope="domains:write")
async def share(call: Call, domain: str, body: Share) -> DomainSuppressionView:
    """Let every account of a domain heed what came back to one of them, or not."""
    return await domain_suppression.share(call.office, domain, shared=body.shared)
