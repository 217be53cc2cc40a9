"""Hooks and the calls that wait for them: rows of ``webhook`` and ``hook_call``."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from postroom.db.database import Row, Tx
from postroom.errors import NotFound
from postroom.ledger import occurrences

MOST_WAITING: Final = 10_000
"""Calls of one hook that wait: beyond that the oldest are given up."""

_HOOK: Final = (
    "id, url, events, within, secret, created, failures, last_answer, last_at, is_off,"
    " domain_id, account_id"
)
_CALL: Final = "id, hook_id, event_id, body, attempts, next_attempt"


_IS_DUE: Final = (
    "EXISTS (SELECT 1 FROM hook_call c WHERE c.hook_id = w.id AND c.next_attempt <= :now)"
)


class Hook(msgspec.Struct, frozen=True):
    """Whom to tell what. ``within``: "" for everything, a domain (A-label) or an address.

    ``domain_id`` or ``account_id`` is what has that name, and may have another one by now.
    ``secret`` is sealed; ``failures`` are in a row; times in UTC milliseconds. One that is not
    on is told nothing, and nothing waits for it.
    """

    id: int
    url: str
    events: frozenset[str]
    within: str
    secret: bytes
    created: int
    failures: int = 0
    last_answer: str = ""
    last_at: int | None = None
    is_on: bool = True
    domain_id: int | None = None
    account_id: int | None = None


class HookCall(msgspec.Struct, frozen=True):
    """One call, until it is answered or given up."""

    id: int
    hook_id: int
    event_id: str
    body: str
    attempts: int
    next_attempt: int


def add(tx: Tx, hook: Hook) -> None:
    """Tell this one from now on."""
    tx.execute(
        "INSERT INTO webhook (id, url, events, within, letters, secret, created, failures,"
        " last_answer, domain_id, account_id) VALUES (:id, :url, :events, :within, :letters,"
        " :secret, :created, 0, '', :domain, :account)",
        id=hook.id,
        url=hook.url,
        events=",".join(sorted(hook.events)),
        within=hook.within,
        letters=_letters(hook),
        secret=hook.secret,
        created=hook.created,
        domain=hook.domain_id,
        account=hook.account_id,
    )


def listing(tx: Tx) -> list[Hook]:
    """All of them, the oldest first."""
    return [_hook(row) for row in tx.all(f"SELECT {_HOOK} FROM webhook ORDER BY id")]


def require(tx: Tx, ident: int) -> Hook:
    """The hook of this id; raises NotFound."""
    row = tx.one(f"SELECT {_HOOK} FROM webhook WHERE id = :id", id=ident)
    if row is None:
        raise NotFound("there is no such webhook; see: postroom webhook list")
    return _hook(row)


def remove(tx: Tx, ident: int) -> None:
    """Tell it nothing more; what waits for it goes."""
    tx.execute("DELETE FROM webhook WHERE id = :id", id=ident)


def switch(tx: Tx, hook: Hook, *, is_on: bool) -> None:
    """Tell it nothing for now, and forget what waits for it; or go on from here."""
    tx.execute(
        "UPDATE webhook SET is_off = :off, letters = :letters, failures = 0 WHERE id = :id",
        off=int(not is_on),
        letters=_letters(hook) if is_on else 0,
        id=hook.id,
    )
    if not is_on:
        tx.execute("DELETE FROM hook_call WHERE hook_id = :id", id=hook.id)


def waiting(tx: Tx) -> dict[int, int]:
    """How many calls wait for each hook."""
    rows = tx.all("SELECT hook_id, count(*) FROM hook_call GROUP BY hook_id")
    return {row[0]: row[1] for row in rows}


def call(tx: Tx, calls: Sequence[HookCall]) -> None:
    """Let calls wait; of an event that waits for a hook already there is one."""
    tx.many(
        f"INSERT INTO hook_call ({_CALL}) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (hook_id, event_id) DO NOTHING",
        [(c.id, c.hook_id, c.event_id, c.body, c.attempts, c.next_attempt) for c in calls],
    )


def trim(tx: Tx) -> int:
    """Give up the oldest calls of hooks for which too many wait; how many."""
    gone = 0
    for hook_id, count in waiting(tx).items():
        if count > MOST_WAITING:
            gone += tx.execute(
                "DELETE FROM hook_call WHERE id IN (SELECT id FROM hook_call"
                " WHERE hook_id = :hook ORDER BY id LIMIT :many)",
                hook=hook_id,
                many=count - MOST_WAITING,
            )
    return gone


def claim(
    tx: Tx, now: int, lease: int, limit: int, busy: Sequence[int], ailing: int
) -> list[HookCall]:
    """Calls that are due, for hooks that are not ``busy``; nobody else gets them for ``lease`` ms.

    At most one of each hook: a slow one holds up itself only. Those that work go first, then whom
    nothing was told for longest; of those whose last call failed at most ``ailing``.
    """
    found: list[HookCall] = []
    rows = tx.all(
        f"SELECT w.id, w.failures FROM webhook w WHERE {_IS_DUE}"
        " ORDER BY CASE WHEN w.failures > 0 THEN 1 ELSE 0 END, coalesce(w.last_at, 0), w.id",
        now=now,
    )
    for hook_id, failures in rows:
        if hook_id in busy or len(found) >= limit or (failures and ailing <= 0):
            continue
        one = next_of(tx, hook_id, now, lease)
        if one is not None:
            found.append(one)
            ailing -= failures > 0
    return found


def is_due(tx: Tx, now: int, busy: Collection[int] = (), ailing: int = 1) -> bool:
    """Whether ``claim`` would find any."""
    rows = tx.all(
        f"SELECT w.id FROM webhook w WHERE {_IS_DUE} AND (w.failures = 0 OR :ailing > 0)"
        " ORDER BY w.id LIMIT :most",
        now=now,
        ailing=ailing,
        most=len(busy) + 1,
    )
    return any(row[0] not in busy for row in rows)


def next_of(tx: Tx, hook_id: int, now: int, lease: int) -> HookCall | None:
    """The next call of a hook that is due, claimed as in ``claim``."""
    row = tx.one(
        f"UPDATE hook_call SET next_attempt = :until WHERE id = (SELECT min(id) FROM hook_call"
        f" WHERE hook_id = :hook AND next_attempt <= :now) RETURNING {_CALL}",
        hook=hook_id,
        now=now,
        until=now + lease,
    )
    return HookCall(*row) if row else None


def settle(tx: Tx, one: HookCall, again: int | None) -> None:
    """A call has ended: it is tried ``again`` at that time, or it is over."""
    if again is None:
        tx.execute("DELETE FROM hook_call WHERE id = :id", id=one.id)
    else:
        tx.execute(
            "UPDATE hook_call SET attempts = attempts + 1, next_attempt = :again WHERE id = :id",
            id=one.id,
            again=again,
        )


def answered(tx: Tx, ident: int, *, is_good: bool, answer: str, now: int) -> None:
    """Remember how a hook has answered."""
    tx.execute(
        "UPDATE webhook SET last_answer = :answer, last_at = :now,"
        f" failures = {'0' if is_good else 'failures + 1'} WHERE id = :id",
        id=ident,
        answer=answer,
        now=now,
    )


def _letters(hook: Hook) -> int:
    """1 when it wants to know of messages."""
    return int(bool(hook.events & set(occurrences.EVENTS.values())))


def _hook(row: Row) -> Hook:
    ident, url, events, within, secret, created, failures, last_answer, last_at, is_off, *of = row
    return Hook(
        ident,
        url,
        frozenset(events.split(",")),
        within,
        bytes(secret),
        created,
        failures,
        last_answer,
        last_at,
        not is_off,
        *of,
    )
