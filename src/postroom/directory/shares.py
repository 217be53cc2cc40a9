"""Shares: what accounts share with whom, rows of ``share`` as functions of a transaction.

A share is of a mailbox or of the whole account (mailbox 0), for an account, for the members
of an alias, for everybody with an address in a domain, or for anyone with an account here.
Grantees are kept by id: they may be renamed, and a name that is taken again by somebody else
brings no rights with it. A mailbox's own entry stands in front of the same grantee's entry
for the whole account, and may take everything away.

Which letters there are is for ``access.rights``; here a right is a letter. RFC 4314 §2.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from postroom.address import Address, AddressError, Domain
from postroom.db.database import Row, Tx
from postroom.directory import addresses, domains
from postroom.errors import Invalid, NotFound

WHOLE: Final = 0  # the mailbox of an entry for the whole account
ANYONE: Final = "anyone"
MAX_GRANTEES: Final = 1_000  # of one mailbox or account

Kind = Literal["account", "alias", "domain", "anyone"]
Rights = frozenset[str]


class Grantee(msgspec.Struct, frozen=True, order=True):
    """With whom: the id of an account, alias or domain; 0 for anyone."""

    kind: Kind
    id: int = 0


class Share(msgspec.Struct, frozen=True):
    """An entry. ``identifier`` is the grantee as people write it (RFC 4314 §2).

    It is "" for an account that is removed, and may yet be restored.
    """

    owner_id: int
    mailbox_id: int
    grantee: Grantee
    identifier: str
    rights: Rights

    @property
    def key(self) -> tuple[int, int, str, int]:
        """Where a list goes on."""
        return self.owner_id, self.mailbox_id, self.grantee.kind, self.grantee.id


def grantee(tx: Tx, text: str) -> tuple[Grantee, str]:
    """Whom an identifier names: an address, ``@domain`` or ``anyone``; and its one spelling.

    Raises NotFound, Invalid.
    """
    if text == ANYONE:
        return Grantee("anyone"), ANYONE
    try:
        if text.startswith("@"):
            named = domains.require(tx, Domain.parse(text[1:]))
            own = domains.find(tx, named.alias_of) if named.alias_of else named
            if own is not None:
                return Grantee("domain", own.id), f"@{own.name}"
        name = addresses.find(tx, Address.parse(text))
    except AddressError as error:
        raise Invalid(f"{text}: {error}") from None
    if name is not None and name.alias_id is not None:
        return Grantee("alias", name.alias_id), str(name.address)
    if name is not None and name.account_id is not None:
        found = Grantee("account", name.account_id)
        return found, _identifiers(tx, [found]).get(found, str(name.address))
    raise NotFound(f"{text} is no account and no alias here, so nothing can be shared with it")


def of(tx: Tx, owner_id: int) -> list[Share]:
    """Everything that an account shares with those who are there."""
    rows = tx.all(
        "SELECT owner_id, mailbox_id, kind, grantee_id, rights FROM share"
        " WHERE owner_id = :owner ORDER BY mailbox_id, kind, grantee_id",
        owner=owner_id,
    )
    return [share for share in _shares(tx, rows) if share.identifier]


def on(tx: Tx, owner_id: int, mailbox_id: int) -> list[Share]:
    """The entries that count for one mailbox; entries that take everything away are left out."""
    counting: dict[Grantee, Share] = {}
    rows = tx.all(
        "SELECT owner_id, mailbox_id, kind, grantee_id, rights FROM share"
        " WHERE owner_id = :owner AND mailbox_id IN (:whole, :mailbox) ORDER BY mailbox_id",
        owner=owner_id,
        whole=WHOLE,
        mailbox=mailbox_id,
    )
    for share in _shares(tx, rows):  # the mailbox's own come last
        counting[share.grantee] = share
    return [share for share in counting.values() if share.rights and share.identifier]


def page(tx: Tx, after: tuple[int, int, str, int], limit: int) -> list[Share]:
    """The next entries of all accounts, with those of removed grantees."""
    owner, mailbox, kind, ident = after
    rows = tx.all(
        "SELECT owner_id, mailbox_id, kind, grantee_id, rights FROM share"
        " WHERE (owner_id, mailbox_id, kind, grantee_id) > (:owner, :mailbox, :kind, :ident)"
        " ORDER BY owner_id, mailbox_id, kind, grantee_id LIMIT :limit",
        owner=owner,
        mailbox=mailbox,
        kind=kind,
        ident=ident,
        limit=limit,
    )
    return _shares(tx, rows)


def among(tx: Tx, grantees: Iterable[Grantee]) -> list[Row]:
    """(owner, mailbox, kind, id, rights) of every entry for these grantees."""
    by_kind: dict[str, list[int]] = {}
    for one in grantees:
        by_kind.setdefault(one.kind, []).append(one.id)
    return [
        row
        for kind, ids in by_kind.items()
        for chunk in addresses.chunks(ids)
        for row in tx.all(
            "SELECT owner_id, mailbox_id, kind, grantee_id, rights FROM share"
            f" WHERE kind = :kind AND grantee_id IN ({addresses.listed(chunk)})",
            kind=kind,
        )
    ]


def exists(tx: Tx, kind: Kind | None = None) -> bool:
    """Whether anything is shared (with grantees of that kind) at all."""
    if kind is None:
        return tx.one("SELECT 1 FROM share LIMIT 1") is not None
    return tx.one("SELECT 1 FROM share WHERE kind = :kind LIMIT 1", kind=kind) is not None


def rights_of(tx: Tx, owner_id: int, mailbox_id: int, to: Grantee) -> Rights:
    """What the entries for exactly this grantee give; the mailbox's own comes first."""
    row = tx.one(
        "SELECT rights FROM share WHERE owner_id = :owner AND kind = :kind"
        " AND grantee_id = :ident AND mailbox_id IN (:whole, :mailbox)"
        " ORDER BY mailbox_id DESC LIMIT 1",
        owner=owner_id,
        whole=WHOLE,
        mailbox=mailbox_id,
        kind=to.kind,
        ident=to.id,
    )
    return frozenset(row[0]) if row else frozenset()


def put(tx: Tx, owner_id: int, mailbox_id: int, to: Grantee, rights: Rights) -> None:
    """Set the rights of a grantee; no rights end the share. Raises Invalid above the limit."""
    if to == Grantee("account", owner_id):
        raise Invalid("an account always has all rights on its own mailboxes")
    whole = rights_of(tx, owner_id, WHOLE, to) if mailbox_id != WHOLE else frozenset()
    if not rights and not whole:
        tx.execute(
            "DELETE FROM share WHERE owner_id = :owner AND mailbox_id = :mailbox"
            " AND kind = :kind AND grantee_id = :ident",
            owner=owner_id,
            mailbox=mailbox_id,
            kind=to.kind,
            ident=to.id,
        )
        if mailbox_id == WHOLE:  # nothing is left that a mailbox could be taken out of
            tx.execute(
                "DELETE FROM share WHERE owner_id = :owner AND kind = :kind"
                " AND grantee_id = :ident AND rights = ''",
                owner=owner_id,
                kind=to.kind,
                ident=to.id,
            )
        return
    tx.execute(
        "INSERT INTO share (owner_id, mailbox_id, kind, grantee_id, rights)"
        " VALUES (:owner, :mailbox, :kind, :ident, :rights)"
        " ON CONFLICT (owner_id, mailbox_id, kind, grantee_id)"
        " DO UPDATE SET rights = excluded.rights",
        owner=owner_id,
        mailbox=mailbox_id,
        kind=to.kind,
        ident=to.id,
        rights="".join(sorted(rights)),
    )
    row = tx.one(
        "SELECT count(*) FROM share WHERE owner_id = :owner AND mailbox_id = :mailbox",
        owner=owner_id,
        mailbox=mailbox_id,
    )
    if row and row[0] > MAX_GRANTEES:
        raise Invalid(
            f"a mailbox can be shared with {MAX_GRANTEES:,} at most; share it with an alias"
            " or a domain instead"
        )


def inherit(tx: Tx, owner_id: int, parent_id: int, mailbox_ids: Iterable[int]) -> bool:
    """Give new mailboxes the entries of the one above them (RFC 4314 §4); whether it had any."""
    copied = 0
    for mailbox_id in mailbox_ids:
        copied += tx.execute(
            "INSERT INTO share (owner_id, mailbox_id, kind, grantee_id, rights)"
            " SELECT owner_id, :mailbox, kind, grantee_id, rights FROM share"
            " WHERE owner_id = :owner AND mailbox_id = :parent",
            owner=owner_id,
            parent=parent_id,
            mailbox=mailbox_id,
        )
    return copied > 0


def forget_mailbox(tx: Tx, owner_id: int, mailbox_id: int) -> int:
    """A mailbox is gone, and its entries with it (RFC 4314 §4 DELETE); how many."""
    return tx.execute(
        "DELETE FROM share WHERE owner_id = :owner AND mailbox_id = :mailbox",
        owner=owner_id,
        mailbox=mailbox_id,
    )


def forget_grantee(tx: Tx, to: Grantee) -> None:
    """An account, alias or domain is gone for good."""
    tx.execute(
        "DELETE FROM share WHERE kind = :kind AND grantee_id = :ident", kind=to.kind, ident=to.id
    )


def _shares(tx: Tx, rows: Sequence[Row]) -> list[Share]:
    identifiers = _identifiers(tx, {Grantee(row[2], row[3]) for row in rows})
    return [
        Share(row[0], row[1], to, identifiers.get(to, ""), frozenset(row[4]))
        for row in rows
        for to in (Grantee(row[2], row[3]),)
    ]


def _identifiers(tx: Tx, grantees: Iterable[Grantee]) -> dict[Grantee, str]:
    found: dict[Grantee, str] = {}
    by_kind: dict[Kind, list[int]] = {}
    for one in sorted(grantees):
        by_kind.setdefault(one.kind, []).append(one.id)
    if "anyone" in by_kind:
        found[Grantee("anyone")] = ANYONE
    for chunk in addresses.chunks(by_kind.get("domain", [])):
        for ident, name in tx.all(
            f"SELECT id, name FROM domain WHERE id IN ({addresses.listed(chunk)})"
        ):
            found[Grantee("domain", ident)] = f"@{name}"
    for ident, address in addresses.main_of(tx, by_kind.get("account", [])).items():
        found[Grantee("account", ident)] = str(address)
    for ident, address in addresses.of_aliases(tx, by_kind.get("alias", [])).items():
        found[Grantee("alias", ident)] = str(address)
    return found
