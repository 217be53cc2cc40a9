"""Domains: add, list, show, set, rename, remove."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Final, Literal

import msgspec

from postroom.address import Address, Domain
from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory import addresses, domains
from postroom.directory.domains import OwnDomain
from postroom.directory.names import Policy
from postroom.errors import Invalid, NotFound

_SEPARATORS: Final = frozenset("+-_=#~!$%&'*/?^`{|}")


class DomainView(msgspec.Struct, frozen=True):
    """A domain as lists show it. ``name`` is as people write it, ``ascii`` as DNS knows it."""

    name: str
    ascii: str
    alias_of: str
    catch_all: str
    separators: str
    case: Literal["sensitive", "insensitive"]
    dots: Literal["significant", "ignored"]
    created: datetime


class DomainDetails(DomainView, frozen=True):
    """A domain with what it holds."""

    accounts: int
    aliases: int
    alias_domains: tuple[str, ...]


class DomainChanges(msgspec.Struct, frozen=True):
    """What ``change`` sets; None leaves as it is. ``catch_all`` "" takes it away."""

    catch_all: str | None = None
    separators: str | None = None
    case: Literal["sensitive", "insensitive"] | None = None
    dots: Literal["significant", "ignored"] | None = None


async def add(office: Office, name: str, *, alias_of: str | None = None) -> DomainView:
    """Receive mail for a domain; with ``alias_of`` all its names are names of the other."""
    domain = names.domain(name)
    target = None if alias_of is None else names.domain(alias_of)
    ident = office.ids.next()
    now = office.now()
    return _view(
        await office.directory.change(lambda tx: domains.add(tx, ident, domain, target, now))
    )


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[DomainView]:
    """All domains by name, read in pages."""
    sought = names.sought(search)
    async for own in paging.walk(
        office.directory,
        lambda tx, after, size: domains.page(tx, after, size, sought),
        lambda own: own.name,
        "",
        limit,
    ):
        yield _view(own)


async def show(office: Office, name: str) -> DomainDetails:
    """One domain with what it holds."""
    domain = names.domain(name)

    def read(tx: Tx) -> DomainDetails:
        own = domains.require(tx, domain)
        held = domains.counts(tx, own)
        return DomainDetails(
            **msgspec.structs.asdict(_view(own)),
            accounts=held.accounts,
            aliases=held.aliases,
            alias_domains=tuple(domains.aliases(tx, own)),
        )

    return await office.directory.look(read)


async def change(office: Office, name: str, changes: DomainChanges) -> DomainView:
    """Set the catch-all or how names are compared."""
    domain = names.domain(name)
    catch_all = names.address(changes.catch_all) if changes.catch_all else None
    if changes.separators is not None:
        _check_separators(changes.separators)

    def write(tx: Tx) -> OwnDomain:
        own = domains.require(tx, domain)
        policy = _policy(own.policy, changes)
        if policy != own.policy:
            domains.set_policy(tx, own, policy)
        if changes.catch_all is not None:
            if catch_all is not None:
                _check_catch_all(tx, catch_all)
            domains.set_catch_all(tx, own, catch_all)
        return domains.require(tx, domain)

    return _view(await office.directory.change(write))


async def rename(office: Office, name: str, new: str, *, keep_old: bool = False) -> DomainView:
    """Rename a domain with all its addresses; ``keep_old`` leaves the old name as an alias."""
    old_domain, new_domain = names.domain(name), names.domain(new)
    ident = office.ids.next()
    now = office.now()

    def write(tx: Tx) -> OwnDomain:
        own = domains.require(tx, old_domain)
        domains.rename(tx, own, new_domain)
        if keep_old:
            domains.add(tx, ident, old_domain, new_domain, now)
        return domains.require(tx, new_domain)

    return _view(await office.directory.change(write))


async def remove(office: Office, name: str) -> DomainView:
    """Refuse mail for an empty domain from now on."""
    domain = names.domain(name)
    now = office.now()

    def write(tx: Tx) -> OwnDomain:
        own = domains.require(tx, domain)
        domains.remove(tx, own, now)
        return own

    return _view(await office.directory.change(write))


def _policy(policy: Policy, changes: DomainChanges) -> Policy:
    return Policy(
        separators=policy.separators if changes.separators is None else changes.separators,
        case_sensitive=policy.case_sensitive
        if changes.case is None
        else changes.case == "sensitive",
        dots_ignored=policy.dots_ignored if changes.dots is None else changes.dots == "ignored",
    )


def _check_separators(separators: str) -> None:
    for separator in separators:
        if separator not in _SEPARATORS:
            raise Invalid(
                f"{separator!r} can't separate a subaddress; use some of"
                f" {' '.join(sorted(_SEPARATORS))}"
            )


def _check_catch_all(tx: Tx, address: Address) -> None:
    """A catch-all in an own domain must be there, or it would catch nothing."""
    own = domains.target(tx, address.domain)
    if own is None:
        return
    locals_ = [address.local, *(base for base, _ in own.policy.bases(address.local))]
    if not any(addresses.find(tx, Address(local, address.domain)) for local in locals_):
        raise NotFound(f"no account or alias {address}; run: postroom account add {address}")


def _view(own: OwnDomain) -> DomainView:
    return DomainView(
        name=Domain(own.name).unicode,
        ascii=own.name,
        alias_of=own.alias_of,
        catch_all="" if own.catch_all is None else str(own.catch_all),
        separators=own.policy.separators,
        case="sensitive" if own.policy.case_sensitive else "insensitive",
        dots="ignored" if own.policy.dots_ignored else "significant",
        created=names.moment(own.created),
    )
