"""Who is in a mailing list: rows of ``list_member``, as functions of an open transaction.

Somebody is in a list once in each role: the case of an address does not count. A list may be as
long as it likes, so whatever goes through it goes page by page, in the order of ids.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from postroom.address import Address, Domain
from postroom.db.database import Tx, number
from postroom.directory.addresses import chunks
from postroom.directory.names import fold

Role = Literal["member", "owner", "archive"]

MOST_BOUNCES: Final = 3  # days on which post came back, and a member is suspended
FORGIVEN_MS: Final = 90 * 24 * 3600 * 1000  # without one that came back: counted from anew
_DAY_MS: Final = 24 * 3600 * 1000
_COLUMNS: Final = "id, role, local, domain, added, suspended, bounces, bounced"


class Member(msgspec.Struct, frozen=True):
    """Somebody in a list. ``bounced`` is when post to them came back last, 0 for never."""

    id: int
    role: Role
    address: Address
    added: int
    is_suspended: bool
    bounces: int
    bounced: int


def key_of(address: Address) -> str:
    """What two spellings of one address have in common."""
    return f"{address.local.casefold()}@{address.domain.ascii}"


def of(tx: Tx, list_id: int, role: Role) -> list[Member]:
    """Everybody in a role of which there are few: owners, the archive."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM list_member WHERE alias_id = :list AND role = :role ORDER BY id",
        list=list_id,
        role=role,
    )
    return list(map(_member, rows))


def page(tx: Tx, list_id: int, after: str, limit: int, *, search: str = "") -> list[Member]:
    """The next members by address; ``after`` is the key of the last one."""
    given: dict[str, object] = {"search": search} if search else {}
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM list_member WHERE alias_id = :list AND role = 'member'"
        f" AND key > :after{' AND instr(key, :search) > 0' if search else ''}"
        " ORDER BY key LIMIT :limit",
        list=list_id,
        after=after,
        limit=limit,
        **given,
    )
    return list(map(_member, rows))


def receivers(tx: Tx, list_id: int, after: int, limit: int) -> list[Member]:
    """The next who get a post, members and the archive, by id."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM list_member WHERE alias_id = :list AND id > :after"
        " AND suspended = 0 AND role <> 'owner' ORDER BY id LIMIT :limit",
        list=list_id,
        after=after,
        limit=limit,
    )
    return list(map(_member, rows))


def count(tx: Tx, list_id: int, search: str = "") -> int:
    """How many members there are."""
    given: dict[str, object] = {"search": search} if search else {}
    where = " AND instr(key, :search) > 0" if search else ""
    return number(
        tx,
        f"SELECT count(*) FROM list_member WHERE alias_id = :list AND role = 'member'{where}",
        list=list_id,
        **given,
    )


def counts(tx: Tx, list_ids: Sequence[int]) -> dict[int, int]:
    """How many members these lists have, those that have some."""
    found: dict[int, int] = {}
    for chunk in chunks(list_ids):
        names = {f"n{place}": ident for place, ident in enumerate(chunk)}
        rows = tx.all(
            "SELECT alias_id, count(*) FROM list_member WHERE role = 'member'"
            f" AND alias_id IN ({', '.join(f':{name}' for name in names)}) GROUP BY alias_id",
            **names,
        )
        found |= dict(map(tuple, rows))
    return found


def roles(tx: Tx, list_id: int, addresses: Sequence[Address]) -> set[Role]:
    """In which roles any of these few addresses is in a list."""
    names = {f"n{place}": key_of(one) for place, one in enumerate(addresses)}
    if not names:
        return set()
    rows = tx.all(
        "SELECT DISTINCT role FROM list_member WHERE alias_id = :list"
        f" AND role IN ('member', 'owner') AND key IN ({', '.join(f':{n}' for n in names)})",
        list=list_id,
        **names,
    )
    return {row[0] for row in rows}


def owned(tx: Tx, mine: Sequence[Address]) -> list[int]:
    """The lists that any of these addresses, which are of one account, looks after."""
    found: dict[int, None] = {}
    for one in mine:
        rows = tx.all(
            "SELECT alias_id, key FROM list_member WHERE domain = :domain AND folded = :folded"
            " AND role = 'owner' ORDER BY id",
            domain=one.domain.ascii,
            folded=fold(one.local),
        )
        found |= dict.fromkeys([list_id for list_id, key in rows if key == key_of(one)])
    return list(found)


def by_id(tx: Tx, ident: int) -> tuple[int, Member] | None:
    """A member after the id of the list."""
    row = tx.one(f"SELECT alias_id, {_COLUMNS} FROM list_member WHERE id = :id", id=ident)
    return None if row is None else (row[0], _member(row[1:]))


def find(tx: Tx, list_id: int, address: Address, role: Role = "member") -> Member | None:
    """Whoever has this address."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM list_member WHERE alias_id = :list AND role = :role AND key = :key",
        list=list_id,
        role=role,
        key=key_of(address),
    )
    return _member(row) if row else None


def add(tx: Tx, list_id: int, role: Role, new: Sequence[tuple[int, Address]], now: int) -> None:
    """Put addresses, each after its id, into a list; who is in it already stays as they are."""
    tx.many(
        "INSERT INTO list_member (id, alias_id, role, local, domain, folded, key, added, suspended,"
        " bounces, bounced) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0)"
        " ON CONFLICT (alias_id, role, key) DO NOTHING",
        [
            (ident, list_id, role, one.local, one.domain.ascii, fold(one.local), key_of(one), now)
            for ident, one in new
        ],
    )


def remove(tx: Tx, list_id: int, role: Role, addresses: Sequence[Address]) -> None:
    """Take addresses out of a list."""
    tx.many(
        "DELETE FROM list_member WHERE alias_id = ? AND role = ? AND key = ?",
        [(list_id, role, key_of(one)) for one in addresses],
    )


def clear(tx: Tx, list_id: int, limit: int) -> bool:
    """Take some of all who are in a list out; whether there were so many."""
    gone = tx.execute(
        "DELETE FROM list_member WHERE id IN"
        " (SELECT id FROM list_member WHERE alias_id = :list ORDER BY id LIMIT :limit)",
        list=list_id,
        limit=limit,
    )
    return gone == limit


def replace(tx: Tx, list_id: int, role: Role, new: Sequence[tuple[int, Address]], now: int) -> None:
    """Let these and nobody else have a role of which there are few."""
    kept = {key_of(one) for _, one in new}
    gone = [one.address for one in of(tx, list_id, role) if key_of(one.address) not in kept]
    remove(tx, list_id, role, gone)
    add(tx, list_id, role, new, now)


def suspend(tx: Tx, ident: int, *, is_suspended: bool) -> None:
    """Send a member nothing more, or again; what came back is forgotten then."""
    tx.execute(
        "UPDATE list_member SET suspended = :suspended,"
        " bounces = CASE WHEN :suspended = 1 THEN bounces ELSE 0 END WHERE id = :id",
        id=ident,
        suspended=int(is_suspended),
    )


def bounced(tx: Tx, member: Member, now: int) -> int:
    """Count that post to a member came back, once a day; on how many days it has by now."""
    if member.bounced and now - member.bounced < _DAY_MS:
        return member.bounces
    days = 1 if now - member.bounced > FORGIVEN_MS else member.bounces + 1
    tx.execute(
        "UPDATE list_member SET bounces = :days, bounced = :now WHERE id = :id",
        id=member.id,
        days=days,
        now=now,
    )
    return days


def _member(row: Sequence[Any]) -> Member:
    ident, role, local, domain, added, suspended, bounces, last = row
    return Member(
        id=ident,
        role=role,
        address=Address(local, Domain(domain)),
        added=added,
        is_suspended=bool(suspended),
        bounces=bounces,
        bounced=last,
    )
