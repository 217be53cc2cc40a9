"""Accounts elsewhere whose mail is fetched: rows, when they are due, what came of them.

The password is sealed in the row. A row is taken by putting its time off, so that of several
servers one fetches it; a server that dies meanwhile leaves it due later.
"""

from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.directory.sealing import open_sealed, seal
from postroom.errors import NotFound

HELD_MS: Final = 30 * 60_000  # a row that is taken is not due before
MAX_PAUSE_MS: Final = 24 * 3_600_000
MAX_PROBLEM: Final = 300  # characters
_MINUTE_MS: Final = 60_000
_PRESENT: Final = (
    "EXISTS (SELECT 1 FROM account a WHERE a.id = fetching.account_id AND a.removed IS NULL)"
)
_COLUMNS: Final = (
    "id, account_id, protocol, host, port, tls, verify, login, is_token, folder, target, leaves,"
    " every, next_at, last_at, failures, fetched, problem"
)


class Fetching(msgspec.Struct, frozen=True):
    """One of them. See the columns of the table."""

    id: int
    account_id: int
    protocol: Literal["pop3", "imap"]
    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"]
    verify: bool
    login: str
    is_token: bool
    folder: str
    target: str
    leaves: bool
    every: int
    next_at: int
    last_at: int | None = None
    failures: int = 0
    fetched: int = 0
    problem: str = ""


def add(tx: Tx, one: Fetching, secret: str, seal_key: bytes) -> None:
    """A new one, with its password or token."""
    tx.execute(
        f"INSERT INTO fetching ({_COLUMNS}, secret) VALUES (:id, :account_id, :protocol, :host,"
        " :port, :tls, :verify, :login, :is_token, :folder, :target, :leaves, :every, :next_at,"
        " NULL, 0, 0, '', :secret)",
        id=one.id,
        account_id=one.account_id,
        protocol=one.protocol,
        host=one.host,
        port=one.port,
        tls=one.tls,
        verify=int(one.verify),
        login=one.login,
        is_token=int(one.is_token),
        folder=one.folder,
        target=one.target,
        leaves=int(one.leaves),
        every=one.every,
        next_at=one.next_at,
        secret=seal(seal_key, secret.encode(), _context(one.id)),
    )


def page(tx: Tx, after: int, limit: int, account_id: int | None = None) -> list[Fetching]:
    """Those with ids above ``after``; of one account, or of all."""
    where, more = "", {}
    if account_id is not None:
        where, more = " AND account_id = :account", {"account": account_id}
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM fetching WHERE id > :after{where} ORDER BY id LIMIT :limit",
        after=after,
        limit=limit,
        **more,
    )
    return [_fetching(row) for row in rows]


def require(tx: Tx, ident: int) -> Fetching:
    """The one with this id; raises NotFound."""
    row = tx.one(f"SELECT {_COLUMNS} FROM fetching WHERE id = :id", id=ident)
    if row is None:
        raise NotFound("there is no such account to fetch from; see: postroom fetch list")
    return _fetching(row)


def secret(tx: Tx, ident: int, seal_key: bytes) -> str:
    """Its password or token. Raises NotFound; StorageFailed when it can't be opened."""
    row = tx.one("SELECT secret FROM fetching WHERE id = :id", id=ident)
    if row is None:
        raise NotFound("it has just been removed")
    return open_sealed(seal_key, bytes(row[0]), _context(ident)).decode()


def remove(tx: Tx, ident: int) -> Fetching:
    """Fetch from there no more. Raises NotFound."""
    found = require(tx, ident)
    tx.execute("DELETE FROM fetching WHERE id = :id", id=ident)
    return found


def hurry(tx: Tx, ident: int, now: int) -> Fetching:
    """Let it be due now. Raises NotFound."""
    tx.execute("UPDATE fetching SET next_at = :now WHERE id = :id", id=ident, now=now)
    return require(tx, ident)


def take(tx: Tx, now: int, limit: int) -> list[Fetching]:
    """Some that are due, of accounts that are not removed; nobody else gets them meanwhile."""
    due = tx.all(
        f"SELECT id, next_at FROM fetching WHERE next_at <= :now AND {_PRESENT}"
        " ORDER BY next_at, id LIMIT :limit",
        now=now,
        limit=limit,
    )
    return [
        _fetching(row)
        for ident, next_at in due
        for row in tx.all(
            "UPDATE fetching SET next_at = :until WHERE id = :id AND next_at = :before"
            f" RETURNING {_COLUMNS}",
            until=now + HELD_MS,
            id=ident,
            before=next_at,
        )
    ]


def settle(tx: Tx, one: Fetching, fetched: int, problem: str, now: int) -> None:
    """What came of it; after failures in a row the pause grows, to a day at most."""
    failures = one.failures + 1 if problem else 0
    pause = min(one.every * _MINUTE_MS << min(failures, 12), MAX_PAUSE_MS)
    tx.execute(
        "UPDATE fetching SET next_at = :next, last_at = :now, failures = :failures,"
        " fetched = fetched + :fetched, problem = :problem WHERE id = :id",
        next=now + max(pause, one.every * _MINUTE_MS),
        now=now,
        failures=failures,
        fetched=fetched,
        problem=problem[:MAX_PROBLEM],
        id=one.id,
    )


def next_due(tx: Tx) -> int | None:
    """When the next is due; None when there is none at all."""
    row = tx.one(
        f"SELECT next_at FROM fetching WHERE {_PRESENT} ORDER BY next_at LIMIT 1",
    )
    return int(row[0]) if row else None


def _context(ident: int) -> bytes:
    return b"fetching:%d" % ident


def _fetching(row: Row) -> Fetching:
    values = list(row)
    for place in (6, 8, 11):
        values[place] = bool(values[place])
    return Fetching(*values)
