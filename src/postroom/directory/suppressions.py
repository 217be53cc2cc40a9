"""Suppression lists: addresses elsewhere that an account does not write to for now.

An address comes onto the list because mail to it came back (``bounce``), because its owner called
mail from the account spam (``complaint``), or by hand. What came by itself ends by itself; what
was put there by hand stays, and nothing else takes its place.

Most accounts have none. That an account has one is remembered (``Using``), so that the others pay
nothing for it; the list itself may be long, is never in memory, and each look-up is one row.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.address import Address, AddressError
from postroom.db.database import Row, Tx
from postroom.errors import Invalid

Kind = Literal["bounce", "complaint", "hand"]
Scope = Literal["api", "all", "off"]

MOST: Final = 2_000_000  # addresses of an account
TOGETHER: Final = 200  # rows of one transaction: others write, too
MAX_REASON: Final = 300  # characters

_COLUMNS: Final = "address, kind, at, until, ledger_id, reason"
_AFTER_ALL: Final = "\U0010ffff"  # behind whatever an address may hold


class Suppressed(msgspec.Struct, frozen=True):
    """An address on a list, as ``key`` has it. Times in UTC ms; ``until`` 0: until it is removed.

    ``ledger_id``: the message that it comes of, 0 for none; ``reason`` is what was said.
    """

    address: str
    kind: Kind
    at: int
    until: int = 0
    ledger_id: int = 0
    reason: str = ""


class Using(msgspec.Struct, frozen=True):
    """Whose mail heeds the list of an account (None: as the settings say), and how long it is.

    ``shares``: the id of its domain, if that has its accounts heed each other's lists.
    """

    scope: Scope | None = None
    entries: int = 0
    shares: int = 0

    def covers(self, door: str, usual: Scope) -> bool:
        """Whether mail that comes in by this door heeds the list, and fills it."""
        scope = self.scope or usual
        return scope == "all" or (scope == "api" and door == "api")


NOTHING: Final = Using()


def key(address: str) -> str:
    """An address as it stands on a list: whatever its case."""
    return address.casefold()


def parsed(text: str) -> str:
    """The key of an address that somebody typed; raises Invalid."""
    try:
        found = Address.parse(text.strip())
    except AddressError as error:
        raise Invalid(f"{text.strip()!r} is no address ({error})") from None
    return key(str(found))


def using(tx: Tx, account_id: int) -> Using:
    """How an account uses its list."""
    row = tx.one(
        "SELECT scope, entries FROM suppressing WHERE account_id = :account", account=account_id
    )
    shared = tx.one(
        "SELECT a.domain_id FROM address a JOIN suppression_sharing s ON s.domain_id = a.domain_id"
        " WHERE a.account_id = :account AND a.main = 1",
        account=account_id,
    )
    if row is None and shared is None:
        return NOTHING
    scope, entries = row or (None, 0)
    return Using(scope, entries, 0 if shared is None else shared[0])


def choose(tx: Tx, account_id: int, scope: Scope | None) -> None:
    """From now on this mail heeds the list; None: what the settings say."""
    tx.execute(
        "INSERT INTO suppressing (account_id, scope, entries) VALUES (:account, :scope, 0)"
        " ON CONFLICT (account_id) DO UPDATE SET scope = excluded.scope",
        account=account_id,
        scope=scope,
    )


def find(tx: Tx, account_id: int, address: str, now: int) -> Suppressed | None:
    """Why an account does not write to an address now; None: it may."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM suppression WHERE account_id = :account AND address = :address"
        " AND (until = 0 OR until > :now)",
        account=account_id,
        address=key(address),
        now=now,
    )
    return _read(row) if row else None


def page(
    tx: Tx, account_id: int, *, after: str = "", begins: str = "", limit: int
) -> list[Suppressed]:
    """A part of a list, by address; ``begins``: only those that begin so."""
    first = key(begins)
    beyond = ">" if after >= first else ">="  # one bound: an index is entered by one
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM suppression WHERE account_id = :account"
        f" AND address {beyond} :first AND address < :last ORDER BY address LIMIT :limit",
        account=account_id,
        first=max(after, first),
        last=first + _AFTER_ALL,
        limit=limit,
    )
    return [_read(row) for row in rows]


def by_hand(tx: Tx, account_id: int) -> list[str]:
    """The addresses that were put there by hand, sorted."""
    rows = tx.all(
        "SELECT address FROM suppression WHERE account_id = :account AND kind = 'hand'"
        " ORDER BY address",
        account=account_id,
    )
    return [row[0] for row in rows]


def put(tx: Tx, account_id: int, some: Sequence[Suppressed]) -> bool:
    """Put addresses on the list of an account; whether it was empty before.

    What is there by hand stays; a complaint stays while a bounce comes. Raises Invalid when the
    list is full.
    """
    new = sum([_put(tx, account_id, one) for one in some])
    row = tx.one(
        "INSERT INTO suppressing (account_id, scope, entries) VALUES (:account, NULL, :new)"
        " ON CONFLICT (account_id) DO UPDATE SET entries = suppressing.entries + excluded.entries"
        " RETURNING entries",
        account=account_id,
        new=new,
    )
    entries = 0 if row is None else int(row[0])
    if entries > MOST:
        raise Invalid(f"a suppression list has at most {MOST} addresses; remove some first")
    return entries == new > 0


def remove(tx: Tx, account_id: int, addresses: Sequence[str]) -> int:
    """Take addresses off a list; how many were on it."""
    gone = 0
    for one in addresses:
        gone += tx.execute(
            "DELETE FROM suppression WHERE account_id = :account AND address = :address",
            account=account_id,
            address=key(one),
        )
    _less(tx, account_id, gone)
    return gone


def purge(tx: Tx, now: int) -> int:
    """Delete what has ended, a part of it; how many. Call it again until there are none."""
    rows = tx.all(
        "DELETE FROM suppression WHERE (account_id, address) IN (SELECT account_id, address"
        " FROM suppression WHERE until > 0 AND until <= :now ORDER BY until LIMIT :limit)"
        " RETURNING account_id",
        now=now,
        limit=TOGETHER,
    )
    gone: dict[int, int] = {}
    for (account_id,) in rows:
        gone[account_id] = gone.get(account_id, 0) + 1
    for account_id in sorted(gone):
        _less(tx, account_id, gone[account_id])
    return len(rows)


def purge_orphans(tx: Tx) -> int:
    """Delete what accounts that are gone have left, a part of it; how many. As ``purge``."""
    row = tx.one(
        "SELECT account_id FROM suppressing WHERE NOT EXISTS"
        " (SELECT 1 FROM account WHERE account.id = suppressing.account_id) LIMIT 1"
    )
    if row is None:
        return 0
    gone = tx.execute(
        "DELETE FROM suppression WHERE account_id = :account AND address IN (SELECT address"
        " FROM suppression WHERE account_id = :account ORDER BY address LIMIT :limit)",
        account=row[0],
        limit=TOGETHER,
    )
    if not gone:
        gone = tx.execute("DELETE FROM suppressing WHERE account_id = :account", account=row[0])
    return gone


def _put(tx: Tx, account_id: int, one: Suppressed) -> int:
    """1 when it is new there."""
    members = {
        "account": account_id, "address": key(one.address), "kind": one.kind, "at": one.at,
        "until": one.until, "ledger": one.ledger_id, "reason": one.reason[:MAX_REASON],
    }  # fmt: skip
    if tx.execute(
        f"INSERT INTO suppression (account_id, {_COLUMNS})"
        " VALUES (:account, :address, :kind, :at, :until, :ledger, :reason)"
        " ON CONFLICT (account_id, address) DO NOTHING",
        **members,
    ):
        return 1
    tx.execute(
        "UPDATE suppression SET kind = :kind, at = :at, until = :until, ledger_id = :ledger,"
        " reason = :reason WHERE account_id = :account AND address = :address"
        " AND (:kind = 'hand' OR (kind <> 'hand'"
        " AND (kind <> 'complaint' OR :kind <> 'bounce' OR until <= :at)))",
        **members,
    )
    return 0


def _less(tx: Tx, account_id: int, number: int) -> None:
    if number:
        tx.execute(
            "UPDATE suppressing SET entries = entries - :number WHERE account_id = :account",
            number=number,
            account=account_id,
        )


def _read(row: Row) -> Suppressed:
    return Suppressed(*row)
