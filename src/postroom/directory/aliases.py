"""Aliases: an address that stands for others; rows of ``alias`` and ``alias_target``.

Targets are local or remote addresses, aliases among them. A target that leads back to
the alias is refused when it is written. ``hidden`` keeps the members from EXPN, ``writers`` says
who may write to it. One with a star in its name is a pattern (``patterns``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx, number
from postroom.directory import addresses, allotments, domains, shares
from postroom.directory.administrators import IN_REACH
from postroom.directory.expand import MAX_DEPTH, MAX_RECIPIENTS, TooMany, Walk, Writers
from postroom.directory.names import fold
from postroom.directory.shares import Grantee
from postroom.errors import Invalid, NotFound

_COLUMNS: Final = "l.id, a.written, d.name, a.canonical, l.hidden, l.created, l.writers"
_JOINED: Final = (
    "domain d JOIN address a ON a.domain_id = d.id AND a.live = 1 JOIN alias l ON l.id = a.alias_id"
)

_NO_LIST: Final = " AND NOT EXISTS (SELECT 1 FROM mailing_list g WHERE g.alias_id = l.id)"

# The same, in this order of loops on SQLite: pages come sorted out of the indexes.
_IN_ORDER: Final = (
    "domain d CROSS JOIN address a CROSS JOIN alias l"
    " WHERE a.domain_id = d.id AND a.alias_id IS NOT NULL AND a.live = 1"
    f" AND l.id = a.alias_id{_NO_LIST}"
)


class Alias(msgspec.Struct, frozen=True):
    """An alias and its targets in their order."""

    id: int
    address: Address
    targets: tuple[Address, ...]
    is_hidden: bool
    created: int
    key: tuple[str, str]
    """Domain and canonical local part: where a list goes on."""
    writers: Writers = "anyone"


def find(tx: Tx, address: Address) -> Alias | None:
    """The alias of exactly this name; a mailing list is none (``lists``)."""
    name = addresses.find(tx, address)
    if name is None or name.alias_id is None:
        return None
    row = tx.one(f"SELECT {_COLUMNS} FROM {_JOINED} WHERE l.id = :id{_NO_LIST}", id=name.alias_id)
    return _alias(tx, row) if row else None


def require(tx: Tx, address: Address) -> Alias:
    """The alias, or a refusal that says what there is instead."""
    found = find(tx, address)
    if found is not None:
        return found
    name = addresses.find(tx, address)
    if name is not None and name.alias_id is not None:
        raise NotFound(
            f"{address} is a mailing list, not an alias; see: postroom list show {address}"
        )
    if name is not None:
        raise NotFound(f"{address} is an account, not an alias; see: postroom account")
    domains.require(tx, address.domain)
    raise NotFound(f"no alias {address}; see: postroom alias list")


def page(
    tx: Tx,
    after: tuple[str, str],
    limit: int,
    *,
    search: str = "",
    within: int | str | None = None,
) -> list[Alias]:
    """The next aliases by domain, then local part. First the rest of the domain, then on.

    ``within``: only those in the domains of this administrator, or in the domain of this
    A-label name.
    """
    where, given = _matching(search, within)
    select = f"SELECT {_COLUMNS} FROM {_IN_ORDER}{where}"
    domain, canonical = after
    rows = tx.all(
        f"{select} AND d.name = :domain AND a.canonical > :canonical"
        " ORDER BY a.canonical LIMIT :limit",
        domain=domain,
        canonical=canonical,
        limit=limit,
        **given,
    )
    if len(rows) < limit:
        rows += tx.all(
            f"{select} AND d.name > :domain ORDER BY d.name, a.canonical LIMIT :limit",
            domain=domain,
            limit=limit - len(rows),
            **given,
        )
    return [_alias(tx, row) for row in rows]


def count(tx: Tx, search: str = "", *, within: int | str | None = None) -> int:
    """How many aliases match, ``within`` as in ``page``."""
    where, given = _matching(search, within)
    return number(tx, f"SELECT count(*) FROM {_IN_ORDER}{where}", **given)


def _matching(search: str, within: int | str | None) -> tuple[str, dict[str, object]]:
    """The condition of a list (it may be empty), and its parameters."""
    where = ""
    given: dict[str, object] = {}
    if within is not None:
        where = f" AND d.{'name = :within' if isinstance(within, str) else f'id {IN_REACH}'}"
        given["within"] = within
    if not search:
        return where, given
    where += (
        " AND (instr(a.canonical || '@' || d.name, :search) > 0 OR EXISTS"
        " (SELECT 1 FROM alias_target t WHERE t.alias_id = l.id"
        " AND instr(lower(t.local) || '@' || t.domain, :search) > 0))"
    )
    return where, given | {"search": search}


def add(tx: Tx, alias: Alias, address_id: int) -> None:
    """Make the alias; refused when the name is taken or the targets lead back to it."""
    tx.execute(
        "INSERT INTO alias (id, hidden, created, writers)"
        " VALUES (:id, :hidden, :created, :writers)",
        id=alias.id,
        hidden=int(alias.is_hidden),
        created=alias.created,
        writers=alias.writers,
    )
    addresses.claim(tx, address_id, alias.address, alias_id=alias.id)
    allotments.admit_alias(tx, addresses.home(tx, alias.address))
    _set_targets(tx, alias.id, alias.targets)
    _refuse_loop(tx, alias.address)


def change(
    tx: Tx,
    alias: Alias,
    *,
    targets: Sequence[Address] | None = None,
    is_hidden: bool | None = None,
    writers: Writers | None = None,
) -> None:
    """Set what is given."""
    if writers is not None:
        tx.execute(
            "UPDATE alias SET writers = :writers WHERE id = :id", writers=writers, id=alias.id
        )
    if is_hidden is not None:
        tx.execute(
            "UPDATE alias SET hidden = :hidden WHERE id = :id", hidden=int(is_hidden), id=alias.id
        )
    if targets is not None:
        tx.execute("DELETE FROM alias_target WHERE alias_id = :id", id=alias.id)
        _set_targets(tx, alias.id, targets)
        _refuse_loop(tx, alias.address)


def rename(tx: Tx, alias: Alias, new: Address) -> None:
    """Give the alias another address."""
    name = addresses.find(tx, alias.address)
    if name is None:
        raise NotFound(f"no alias {alias.address}")
    addresses.move(tx, name, new)
    if new.domain != alias.address.domain:
        allotments.admit_alias(tx, addresses.home(tx, new))
    _refuse_loop(tx, new)


def remove(tx: Tx, alias: Alias) -> None:
    """Free the name; letters to it are refused from now on."""
    name = addresses.find(tx, alias.address)
    if name is not None:
        addresses.release(tx, name)
    shares.forget_grantee(tx, Grantee("alias", alias.id))
    tx.execute("DELETE FROM alias WHERE id = :id", id=alias.id)


def _set_targets(tx: Tx, ident: int, targets: Sequence[Address]) -> None:
    tx.many(
        "INSERT INTO alias_target (alias_id, position, local, domain, folded)"
        " VALUES (?, ?, ?, ?, ?)",
        [
            (ident, place, target.local, target.domain.ascii, fold(target.local))
            for place, target in enumerate(targets)
        ],
    )


def _refuse_loop(tx: Tx, address: Address) -> None:
    try:
        way = Walk(tx).loop(address)
    except TooMany:
        raise Invalid(
            f"{address} would reach deeper than {MAX_DEPTH} aliases"
            f" or more than {MAX_RECIPIENTS:,} recipients"
        ) from None
    if way:
        raise Invalid(f"{address} would be a loop: {' -> '.join(way)}")


def _alias(tx: Tx, row: tuple[Any, ...]) -> Alias:
    ident, written, domain, canonical, hidden, created, writers = row
    targets = tx.all(
        "SELECT local, domain FROM alias_target WHERE alias_id = :id ORDER BY position", id=ident
    )
    return Alias(
        id=ident,
        address=Address(written, Domain(domain)),
        targets=tuple(Address(local, Domain(name)) for local, name in targets),
        is_hidden=bool(hidden),
        created=created,
        key=(domain, canonical),
        writers=writers,
    )
