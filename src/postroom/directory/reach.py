"""Reach: the mailboxes of others that an account may use, and with which rights.

An account is met by the entries for itself, for every alias that names it (through other
aliases too), for the domains it has addresses in, and for anyone; what these give is added
up. Groups are looked at when it is asked, so who joins an alias has its mailboxes at once.
RFC 4314 §2 leaves to the server how rights of several identifiers combine.
"""

from typing import Final

import msgspec

from postroom.address import Address
from postroom.db.database import Tx
from postroom.directory import addresses, shares
from postroom.directory.expand import MAX_DEPTH
from postroom.directory.shares import WHOLE, Grantee, Rights

POST: Final = "p"  # on an INBOX: its member may send in the owner's name
_NOTHING: Final[Rights] = frozenset()


class Owner(msgspec.Struct, frozen=True):
    """Somebody who shares. ``everywhere`` are the rights where ``mailboxes`` says nothing."""

    account_id: int
    address: str
    everywhere: Rights
    mailboxes: dict[int, Rights]

    def rights(self, mailbox_id: int) -> Rights:
        """The rights on a mailbox."""
        return self.mailboxes.get(mailbox_id, self.everywhere)


class Reach(msgspec.Struct, frozen=True):
    """Who shares something with an account, by account id."""

    owners: dict[int, Owner] = {}

    def rights(self, owner_id: int, mailbox_id: int) -> Rights:
        """The rights on a mailbox of another account; the INBOX has its account's id."""
        owner = self.owners.get(owner_id)
        return owner.rights(mailbox_id) if owner else _NOTHING


NOWHERE: Final = Reach()


def of(tx: Tx, account_id: int) -> Reach:
    """What is shared with an account now."""
    if not shares.exists(tx):
        return NOWHERE
    rows = [row for row in shares.among(tx, grantees(tx, account_id)) if row[0] != account_id]
    given: dict[int, dict[int, dict[Grantee, Rights]]] = {}
    for owner_id, mailbox_id, kind, ident, rights in rows:
        mailboxes = given.setdefault(owner_id, {})
        mailboxes.setdefault(mailbox_id, {})[Grantee(kind, ident)] = frozenset(rights)
    written = {
        owner_id: str(address) for owner_id, address in addresses.main_of(tx, sorted(given)).items()
    }
    return Reach(
        {
            owner_id: _owner(owner_id, written[owner_id], given[owner_id])
            for owner_id in sorted(written, key=written.__getitem__)
        }
    )


def grantees(tx: Tx, account_id: int) -> set[Grantee]:
    """Everything that names an account: itself, groups, domains, anyone."""
    names = addresses.of_account(tx, account_id)
    found = {Grantee("account", account_id), Grantee("anyone")}
    found |= {Grantee("domain", domain_id) for domain_id, _ in names}
    if shares.exists(tx, "alias"):
        found |= {Grantee("alias", ident) for ident in groups(tx, [name for _, name in names])}
    return found


def groups(tx: Tx, names: list[Address]) -> set[int]:
    """The aliases that lead to any of these names."""
    found: set[int] = set()
    level = names
    for _ in range(MAX_DEPTH):
        fresh = {ident for name in level for ident in addresses.aliases_naming(tx, name)} - found
        if not fresh:
            break
        found |= fresh
        level = list(addresses.of_aliases(tx, sorted(fresh)).values())
    return found


def _owner(account_id: int, address: str, given: dict[int, dict[Grantee, Rights]]) -> Owner:
    whole = given.pop(WHOLE, {})
    return Owner(
        account_id,
        address,
        _union(whole),
        {mailbox_id: _union(whole | own) for mailbox_id, own in given.items()},
    )


def _union(given: dict[Grantee, Rights]) -> Rights:
    return frozenset().union(*given.values())
