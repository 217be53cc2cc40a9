"""Domains: add, list, show, set, rename, remove; the journals that are kept of them.

A new domain gets its signing keys at once (see ``admin.dkim``).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from postroom.address import Address, Domain
from postroom.admin import dkim, names, paging
from postroom.admin.dkim import KeyView
from postroom.admin.office import Office
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.directory import (
    addresses,
    allotments,
    dkim_keys,
    domains,
    journals,
    relays,
    send_as,
    shares,
)
from postroom.directory.allotments import Allotment
from postroom.directory.dkim_keys import DkimKey, Generate, KnownKey, generate_pair
from postroom.directory.domains import OwnDomain
from postroom.directory.names import Policy
from postroom.directory.shares import Grantee
from postroom.errors import Invalid, NotFound, Refused
from postroom.queue.listing import depths_of

_SEPARATORS: Final = frozenset("+-_=#~!$%&'*/?^`{|}")


class DomainView(msgspec.Struct, frozen=True):
    """A domain as lists show it. ``name`` is as people write it, ``ascii`` as DNS knows it.

    ``journal`` is the address that gets a copy of all its mail, "" for none.
    """

    name: str
    ascii: str
    alias_of: str
    catch_all: str
    separators: str
    case: Literal["sensitive", "insensitive"]
    dots: Literal["significant", "ignored"]
    created: datetime
    journal: str


class DomainAdded(DomainView, frozen=True):
    """A new domain with the keys that sign its mail; their records belong in DNS."""

    dkim: tuple[KeyView, ...]


class DomainDetails(DomainView, frozen=True):
    """A domain with what it holds."""

    accounts: int
    aliases: int
    alias_domains: tuple[str, ...]
    dkim: tuple[KeyView, ...]
    limits: Allotment
    quotas: int
    """Those of its accounts together, in octets."""


class DomainChanges(msgspec.Struct, frozen=True):
    """What ``change`` sets; None leaves as it is. ``catch_all`` "" takes it away."""

    catch_all: str | None = None
    separators: str | None = None
    case: Literal["sensitive", "insensitive"] | None = None
    dots: Literal["significant", "ignored"] | None = None


@recorded("domain.add", "name", "alias_of")
async def add(
    office: Office,
    name: str,
    *,
    alias_of: str | None = None,
    generate: Generate = generate_pair,
    known: Sequence[KnownKey] = (),
) -> DomainAdded:
    """Receive mail for a domain; with ``alias_of`` all its names are names of the other.

    It gets a pair of signing keys, which sign from the first letter, or those that are ``known``
    from elsewhere; one that comes back keeps those it had.
    """
    domain = names.domain(name)
    target = None if alias_of is None else names.domain(alias_of)
    pair = None if known else await asyncio.to_thread(generate)
    ident, key_ids = office.ids.next(), [office.ids.next() for _ in known or "ab"]
    seal_key, now = office.directory.secrets.seal, office.now()

    def write(tx: Tx) -> tuple[OwnDomain, list[DkimKey]]:
        own = domains.add(tx, ident, domain, target, now)
        keys = dkim_keys.of(tx, own.id)
        if not any(key.state == "active" for key in keys):
            if pair is None:
                keys = dkim_keys.bring(tx, key_ids, own, known, seal_key=seal_key, now=now)
            else:
                keys = dkim_keys.add(tx, key_ids, own, pair, seal_key=seal_key, now=now)
        return own, keys

    own, keys = await office.directory.change(write)
    return DomainAdded(
        **msgspec.structs.asdict(_view(own)), dkim=tuple(dkim.view(key) for key in keys)
    )


async def every(
    office: Office, *, search: str = "", limit: int | None = None
) -> AsyncIterator[DomainView]:
    """All domains by name, read in pages."""
    async for one in _listing(office, search).every(limit):
        yield one


async def page(
    office: Office,
    *,
    search: str = "",
    after: str = "",
    size: int = 100,
    within: int | None = None,
) -> Slice[DomainView]:
    """One page of the list; ``after`` is the ``next`` of the page before.

    ``within``: only those of this administrator.
    """
    return await _listing(office, search, within).page(after, size)


def _listing(
    office: Office, search: str, within: int | None = None
) -> paging.Listing[OwnDomain, tuple[str], DomainView]:
    sought = names.sought(search)
    return paging.Listing(
        office.directory,
        lambda tx, key, most: domains.page(tx, key[0], most, sought, within=within),
        lambda one: (one.name,),
        ("",),
        lambda tx: domains.count(tx, sought, within=within),
        _view,
    )


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
            dkim=tuple(dkim.view(key) for key in dkim_keys.of(tx, own.id)),
            limits=allotments.of(tx, own.id),
            quotas=allotments.given(tx, own),
        )

    return await office.directory.look(read)


async def limits(office: Office) -> Mapping[str, Allotment]:
    """What domains may hold, by A-label name; those that are not limited are left out."""
    return await office.directory.look(allotments.every)


@recorded("domain.change", "name", "changes")
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
                test_is_there(tx, catch_all)
            domains.set_catch_all(tx, own, catch_all)
        return domains.require(tx, domain)

    return _view(await office.directory.change(write))


@recorded("domain.journal", "name", "address")
async def set_journal(office: Office, name: str, address: str) -> DomainView:
    """Copy all mail of the domain to this address from now on; "" ends it."""
    domain = names.domain(name)
    to = names.address(address) if address else None

    def write(tx: Tx) -> OwnDomain:
        own = domains.require(tx, domain)
        if to is not None:
            test_is_there(tx, to)
        journals.put(tx, own, to)
        return domains.require(tx, domain)

    return _view(await office.directory.change(write))


@recorded("domain.limits", "name", "limits")
async def set_limits(office: Office, name: str, limits: Allotment) -> DomainDetails:
    """What the domain may hold from now on; what is there already stays."""
    domain = names.domain(name)
    await office.directory.change(
        lambda tx: allotments.put(tx, domains.require(tx, domain), limits)
    )
    return await show(office, name)


@recorded("domain.rename", "name", "new", "keep_old")
async def rename(office: Office, name: str, new: str, *, keep_old: bool = False) -> DomainView:
    """Rename a domain with all its addresses; ``keep_old`` leaves the old name as an alias.

    Its signing keys go along; the old name signs with the same ones, which its records
    publish already. Refused without ``keep_old`` while letters for the old name wait: posts to
    mailing lists, what a full mailbox has put off.
    """
    old_domain, new_domain = names.domain(name), names.domain(new)
    ident, key_ids = office.ids.next(), (office.ids.next(), office.ids.next())
    seal_key, now = office.directory.secrets.seal, office.now()

    def write(tx: Tx) -> OwnDomain:
        own = domains.require(tx, old_domain)
        if not keep_old:
            _refuse_waiting(tx, own)
        domains.rename(tx, own, new_domain)
        renamed = domains.require(tx, new_domain)
        if keep_old:
            alias = domains.add(tx, ident, old_domain, new_domain, now)
            dkim_keys.copy(tx, key_ids, renamed, alias, seal_key)
        relays.follow(tx, own.name, renamed.name, keep_old=keep_old)
        send_as.follow(tx, own.name, renamed.name)
        return renamed

    return _view(await office.directory.change(write))


def _refuse_waiting(tx: Tx, own: OwnDomain) -> None:
    """Nobody would get what the queue holds for a name that is gone."""
    waiting = sum(one.waiting for one in depths_of(tx, [own.name]))
    if waiting:
        shown = Domain(own.name).unicode
        raise Refused(
            f"{names.count(waiting, 'delivery', 'deliveries')} to {shown} in the queue: let that end first"
            f" (postroom queue list --to {shown}), or rename with --keep-old"
        )


@recorded("domain.remove", "name")
async def remove(office: Office, name: str) -> DomainView:
    """Refuse mail for an empty domain from now on."""
    domain = names.domain(name)
    now = office.now()

    def write(tx: Tx) -> OwnDomain:
        own = domains.require(tx, domain)
        domains.remove(tx, own, now)
        shares.forget_grantee(tx, Grantee("domain", own.id))
        return own

    return _view(await office.directory.change(write))


def test_is_there(tx: Tx, address: Address) -> None:
    """An address in an own domain must be there, or nobody would get what goes to it.

    Raises NotFound.
    """
    own = domains.target(tx, address.domain)
    if own is None:
        return
    locals_ = [address.local, *(base for base, _ in own.policy.bases(address.local))]
    if not any(addresses.find(tx, Address(local, address.domain)) for local in locals_):
        raise NotFound(f"no account or alias {address}; run: postroom account add {address}")


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
        journal="" if own.journal is None else str(own.journal),
    )
