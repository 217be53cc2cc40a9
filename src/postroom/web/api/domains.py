"""The API: domains, their signing keys, their DNS records."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from postroom.admin import dkim, domains
from postroom.admin.dkim import KeyView
from postroom.admin.dns import table
from postroom.admin.dns.table import Row
from postroom.admin.domains import DomainAdded, DomainChanges, DomainDetails, DomainView
from postroom.admin.paging import Slice
from postroom.directory.allotments import Allotment
from postroom.web.api.call import Call
from postroom.web.api.operation import Input, Noun, Search

NOUN: Final = Noun("domains", "domains", "Domains that receive mail here.")


class NewDomain(Input, frozen=True, kw_only=True):
    """A domain to receive mail for."""

    name: str
    alias_of: Annotated[str | None, Meta(description="All its names are names of this domain.")] = (
        None
    )


class Changes(DomainChanges, frozen=True, forbid_unknown_fields=True):
    """What is left out stays; a ``catch_all`` of "" is none."""


class Journal(Input, frozen=True, kw_only=True):
    """Where copies of all mail go."""

    address: Annotated[str, Meta(description='"" ends it.')]


class Limits(Allotment, frozen=True, forbid_unknown_fields=True):
    """What it may hold; what is left out, or 0, is not limited. Quotas are octets."""


class NewName(Input, frozen=True, kw_only=True):
    """What it is called from now on."""

    new: str
    keep_old: Annotated[bool, Meta(description="The old name goes on as an alias.")] = False


class Rotation(Input, frozen=True, kw_only=True):
    """How a new pair of keys begins."""

    at_once: Annotated[bool, Meta(description="Sign now, not once the records are seen.")] = False


class Asked(Input, frozen=True, kw_only=True):
    """Whether to look."""

    check: Annotated[bool, Meta(description="Compare with what the DNS says.")] = False


@NOUN.on("GET", "/domains")
async def every(call: Call, query: Search) -> Slice[DomainView]:
    """List domains by name."""
    return await domains.page(call.office, search=query.search, after=query.after, size=query.limit)


@NOUN.on("POST", "/domains", status=201)
async def add(call: Call, body: NewDomain) -> DomainAdded:
    """Receive mail for a domain; the answer holds the DKIM records to publish."""
    return await domains.add(call.office, body.name, alias_of=body.alias_of)


@NOUN.on("GET", "/domains/{domain}")
async def show(call: Call, domain: str) -> DomainDetails:
    """Show a domain with what it holds."""
    return await domains.show(call.office, domain)


@NOUN.on("PATCH", "/domains/{domain}")
async def change(call: Call, domain: str, body: Changes) -> DomainView:
    """Set the catch-all or how names are compared; what is left out stays."""
    return await domains.change(call.office, domain, body)


@NOUN.on("PUT", "/domains/{domain}/journal", within=())
async def set_journal(call: Call, domain: str, body: Journal) -> DomainView:
    """Copy every message to or from a domain to an address, as an envelope journal report."""
    return await domains.set_journal(call.office, domain, body.address)


@NOUN.on("PUT", "/domains/{domain}/limits", within=())
async def set_limits(call: Call, domain: str, body: Limits) -> DomainDetails:
    """Limit how many accounts and aliases a domain may hold, and their quotas."""
    return await domains.set_limits(call.office, domain, Allotment(**msgspec.structs.asdict(body)))


@NOUN.on("POST", "/domains/{domain}/rename", within=())
async def rename(call: Call, domain: str, body: NewName) -> DomainView:
    """Rename a domain with all its addresses."""
    return await domains.rename(call.office, domain, body.new, keep_old=body.keep_old)


@NOUN.on("DELETE", "/domains/{domain}", within=())
async def remove(call: Call, domain: str) -> DomainView:
    """Refuse mail for a domain from now on; it has to be empty."""
    return await domains.remove(call.office, domain)


@NOUN.on("GET", "/domains/{domain}/dkim")
async def keys(call: Call, domain: str) -> tuple[KeyView, ...]:
    """Show the signing keys of a domain, and their records."""
    return await dkim.show(call.office, domain)


@NOUN.on("POST", "/domains/{domain}/dkim/rotate")
async def rotate(call: Call, domain: str, body: Rotation) -> tuple[KeyView, ...]:
    """Make a new pair of signing keys, which sign once their records are seen."""
    return await dkim.rotate(call.office, domain, at_once=body.at_once)


@NOUN.on("GET", "/domains/{domain}/dns")
async def records(call: Call, domain: str, query: Asked) -> list[Row]:
    """Tell the DNS records that a domain needs, perhaps with what is wrong with each."""
    ask = table.check if query.check else table.records
    return await ask(call.office, domain, resolver=call.services.resolver)
