"""What VRFY and EXPN may tell about a name (RFC 5321 §3.5); functions of a transaction.

Who may ask is decided by ``intake``.
"""

from typing import Final, Literal

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx
from postroom.directory import accounts, aliases, domains, masks, patterns
from postroom.directory.aliases import Alias
from postroom.directory.expand import Resolution, Walk
from postroom.directory.names import fold

MAX_CHOICES: Final = 10


class Verified(msgspec.Struct, frozen=True):
    """What a name is. ``address`` is its canonical spelling, "" when unknown.

    ``choices`` are the first few addresses that an ambiguous one may mean.
    """

    kind: Literal["account", "alias", "remote", "unknown", "ambiguous"]
    name: str = ""
    address: str = ""
    choices: tuple[str, ...] = ()


class Member(msgspec.Struct, frozen=True):
    """One member of a list; ``name`` is "" when only the address is known."""

    name: str
    address: str


class Expansion(msgspec.Struct, frozen=True):
    """The members of a list; none are told of a hidden one."""

    kind: Literal["list", "account", "hidden", "remote", "unknown"]
    members: tuple[Member, ...] = ()


def verify(tx: Tx, address: Address) -> Verified:
    """What ``address`` is; subaddresses, roles and catch-alls count as what they lead to.

    What leads to nobody is unknown, an alias too: RCPT would refuse it.
    """
    if domains.find(tx, address.domain.ascii) is None:
        return Verified("remote", "", str(address))
    account = accounts.find(tx, address)
    if account is not None:
        if account.is_disabled:
            return Verified("unknown")
        mask = masks.find(tx, address)
        if mask is not None:  # it tells nobody whose it is
            return Verified("unknown") if mask.is_off else Verified("account", "", str(address))
        return Verified("account", account.name, str(account.address))
    found = Walk(tx).resolve(address)
    if found.kind != "found" and not found.needs_holding:
        return Verified("unknown")
    alias = _alias(tx, address, found)
    if alias is not None:
        named = address if patterns.is_pattern(alias.address.local) else alias.address
        return Verified("alias", "", str(named))
    if found.list_id:
        return Verified("alias", "", str(address))
    return Verified("account", "", str(address))


def verify_user(tx: Tx, local: str) -> Verified:
    """What a name without a domain is; ambiguous when several domains have it.

    Postmaster is the one of ``RCPT TO:<Postmaster>`` (RFC 5321 §4.5.1).
    """
    if local.lower() == "postmaster":
        own = domains.first(tx)
        if own is None:
            return Verified("unknown")
        return verify(tx, Address("postmaster", Domain(own.name)))
    rows = tx.all(
        "SELECT a.canonical, a.written, d.name FROM address a JOIN domain d ON d.id = a.domain_id"
        " WHERE a.live = 1 AND a.canonical IN (:local, :cased, :folded)"
        " ORDER BY d.name LIMIT :limit",
        local=local,
        cased=local.casefold(),
        folded=fold(local),
        limit=MAX_CHOICES,
    )
    found = [
        Address(written, Domain(name))
        for canonical, written, name in rows
        if domains.require(tx, Domain(name)).policy.canonical(local) == canonical
    ]
    if len(found) > 1:
        return Verified("ambiguous", choices=tuple([str(address) for address in found]))
    return verify(tx, found[0]) if found else Verified("unknown")


def expand(tx: Tx, address: Address) -> Expansion:
    """The direct members of an alias; an account is its own member, a mailing list tells none."""
    found = Walk(tx).resolve(address)
    if found.list_id:
        return Expansion("hidden")
    alias = _alias(tx, address, found)
    if alias is None:
        verified = verify(tx, address)
        if verified.kind != "account":
            return Expansion("remote" if verified.kind == "remote" else "unknown")
        return Expansion("account", (Member(verified.name, verified.address),))
    if alias.is_hidden:
        return Expansion("hidden")
    members = []
    for target in alias.targets:
        account = accounts.find(tx, target)
        members.append(Member(account.name if account else "", str(target)))
    return Expansion("list", tuple(members))


def _alias(tx: Tx, address: Address, found: Resolution) -> Alias | None:
    """The alias of this name, or the pattern that the name is like."""
    alias = aliases.find(tx, address)
    if alias is None and found.via:
        alias = aliases.find(tx, Address.parse(found.via))
    return alias
