"""The suppression lists of a domain's accounts together: seen, cleared, and shared or not."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Final

import msgspec

from postroom.address import Domain
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.admin.suppression import MOST, view_of
from postroom.db.database import Tx
from postroom.directory import domain_suppressions, domains, suppressions
from postroom.directory.domain_suppressions import Key, OfAccount
from postroom.directory.suppressions import TOGETHER, Kind
from postroom.errors import Invalid, NotFound

_START: Final = (0, "")


class DomainSuppressionView(msgspec.Struct, frozen=True):
    """``shared``: what one account may not write to, none of the domain may.

    ``accounts`` have anybody on their lists, ``addresses`` is how many entries there are together.
    """

    domain: str
    shared: bool
    accounts: int
    addresses: int


class DomainSuppressedView(msgspec.Struct, frozen=True):
    """An address on the list of an account; the rest as of that list."""

    account: str
    address: str
    kind: Kind
    since: datetime
    until: datetime | None
    message: str
    reason: str


async def status(office: Office, name: str) -> DomainSuppressionView:
    """What there is of a domain. Raises NotFound."""
    domain = names.domain(name)
    return await office.directory.look(lambda tx: _status(tx, domain))


@recorded("suppression.share", "name", "shared")
async def share(office: Office, name: str, *, shared: bool) -> DomainSuppressionView:
    """Let every account of a domain heed what came back to one of them, or was called spam."""
    domain = names.domain(name)

    def write(tx: Tx) -> DomainSuppressionView:
        domain_suppressions.share(tx, domains.require(tx, domain), shared=shared)
        return _status(tx, domain)

    return await office.directory.change(write)


async def every(
    office: Office, name: str, *, search: str = "", limit: int | None = None
) -> AsyncIterator[DomainSuppressedView]:
    """All of them by account and address; ``search`` is how addresses begin. Raises NotFound."""
    async for one in (await _listing(office, name, search)).every(limit):
        yield one


async def page(
    office: Office, name: str, *, search: str = "", after: str = "", size: int = 100
) -> Slice[DomainSuppressedView]:
    """One page of it; ``total`` counts all. Raises NotFound."""
    return await (await _listing(office, name, search)).page(after, size)


async def show(office: Office, name: str, address: str) -> list[DomainSuppressedView]:
    """On which lists an address stands, 200 of them at most. Raises Invalid, NotFound."""
    domain, wanted = names.domain(name), suppressions.parsed(address)

    def read(tx: Tx) -> list[OfAccount]:
        ident = domain_suppressions.ident_of(domains.require(tx, domain))
        return domain_suppressions.of_address(tx, ident, wanted, TOGETHER)

    found = await office.directory.look(read)
    if not found:
        raise _not_there(wanted, domain)
    return list(map(_view, found))


@recorded("suppression.clear", "name", "addresses")
async def remove(office: Office, name: str, addresses: Sequence[str]) -> DomainSuppressionView:
    """Take addresses off all lists of the domain. Raises Invalid, NotFound for one on none."""
    domain, wanted = names.domain(name), [suppressions.parsed(one) for one in addresses]
    if len(wanted) > MOST:
        raise Invalid(f"at most {MOST} addresses at a time")
    own = await office.directory.look(lambda tx: domains.require(tx, domain))
    ident = domain_suppressions.ident_of(own)
    for one in wanted:

        def write(tx: Tx, one: str = one) -> int:
            return domain_suppressions.remove(tx, ident, one)

        gone = some = await office.db.write(write)
        while some == TOGETHER:
            some = await office.db.write(write)
        if not gone:
            raise _not_there(one, domain)
    return await status(office, name)


def _status(tx: Tx, domain: Domain) -> DomainSuppressionView:
    own = domains.require(tx, domain)
    ident = domain_suppressions.ident_of(own)
    return DomainSuppressionView(
        domain=Domain(own.name).unicode,
        shared=domain_suppressions.is_shared(tx, ident),
        accounts=domain_suppressions.accounts(tx, ident),
        addresses=domain_suppressions.count(tx, ident),
    )


def _not_there(address: str, domain: Domain) -> NotFound:
    return NotFound(
        f"{address} is on no suppression list of {domain.unicode};"
        f" see: postroom suppression list {domain.unicode}"
    )


async def _listing(
    office: Office, name: str, search: str
) -> paging.Listing[OfAccount, Key, DomainSuppressedView]:
    domain, begins = names.domain(name), search.strip()
    own = await office.directory.look(lambda tx: domains.require(tx, domain))
    ident = domain_suppressions.ident_of(own)
    return paging.Listing(
        office.directory,
        lambda tx, key, most: domain_suppressions.page(
            tx, ident, after=key, begins=begins, limit=most
        ),
        lambda one: one.key,
        _START,
        lambda tx: domain_suppressions.count(tx, ident),
        _view,
    )


def _view(one: OfAccount) -> DomainSuppressedView:
    return DomainSuppressedView(one.account, **msgspec.structs.asdict(view_of(one.entry)))
