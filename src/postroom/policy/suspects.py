"""What accounts usually send, and which of them are suspected: rows of ``habit``, ``suspicion``.

A habit is the busiest hour of an account; it halves within thirty days. Hours with fewer than
``LEAST`` recipients are no habit: they make no difference to ``hijack.judge``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.policy.hijack import MANY, TIMES, Reason, Suspicion

LEAST: Final = MANY // TIMES
HALF_MS: Final = 30 * 24 * 3_600_000
RELEASED_MS: Final = 2 * 3_600_000  # after a release nothing that went before is held against it
QUIET_MS: Final = 24 * 3_600_000  # after which a suspicion is over by itself
MOST: Final = 1_000  # suspects that are told of

State = Literal["told", "held", "released"]

_COLUMNS: Final = "account_id, state, since, seen, score, recipients, reasons"
_CHUNK: Final = 500


class Suspect(msgspec.Struct, frozen=True):
    """An account that is suspected, or was and has been released. Times in UTC milliseconds.

    ``recipients`` are those of its last hour that looked so.
    """

    account_id: int
    state: State
    since: int
    seen: int
    score: int
    recipients: int
    reasons: tuple[Reason, ...]


def learn(tx: Tx, hour: int, recipients: Mapping[int, int]) -> None:
    """Take in an hour (its begin): how many recipients accounts had. Who is suspected is left out."""
    busy = {ident: count for ident, count in recipients.items() if count >= LEAST}
    suspected = {one.account_id for one in among(tx, sorted(busy)).values()}
    known = usual(tx, sorted(busy), hour)
    for ident, count in sorted(busy.items()):
        if ident not in suspected and count >= known.get(ident, 0):
            get_used(tx, ident, count, hour)


def get_used(tx: Tx, account_id: int, recipients: int, at: int) -> None:
    """Nothing is strange about so many from here on. An account that is gone has no habits."""
    tx.execute(
        "INSERT INTO habit (account_id, peak, at)"
        " SELECT id, :peak, :at FROM account WHERE id = :account"
        " ON CONFLICT (account_id) DO UPDATE SET peak = excluded.peak, at = excluded.at",
        account=account_id,
        peak=recipients,
        at=at,
    )


def usual(tx: Tx, account_ids: Sequence[int], now: int) -> dict[int, int]:
    """Recipients in the busiest hour of these accounts, the longer ago the less."""
    found: dict[int, int] = {}
    for where, given in _chunks(account_ids):
        for ident, peak, at in tx.all(
            f"SELECT account_id, peak, at FROM habit WHERE {where}", **given
        ):
            found[ident] = round(peak * 0.5 ** (max(0, now - at) / HALF_MS))
    return found


def among(tx: Tx, account_ids: Sequence[int]) -> dict[int, Suspect]:
    """Those of these accounts that are suspected, or were of late."""
    found: dict[int, Suspect] = {}
    for where, given in _chunks(account_ids):
        for row in tx.all(f"SELECT {_COLUMNS} FROM suspicion WHERE {where}", **given):
            found[row[0]] = _read(row)
    return found


def every(tx: Tx) -> list[Suspect]:
    """All that are suspected now, the newest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM suspicion WHERE state <> 'released'"
        " ORDER BY since DESC, account_id LIMIT :most",
        most=MOST,
    )
    return list(map(_read, rows))


def suspect(
    tx: Tx, account_id: int, found: Suspicion, recipients: int, now: int, *, held: bool
) -> bool:
    """Note a suspicion; True when it is new, so that people are told once."""
    given = {
        "account": account_id,
        "now": now,
        "score": found.score,
        "recipients": recipients,
        "reasons": msgspec.json.encode(found.reasons).decode(),
    }
    if tx.execute(
        "UPDATE suspicion SET seen = :now, score = :score, recipients = :recipients,"
        " reasons = :reasons WHERE account_id = :account AND state <> 'released'",
        **given,
    ):
        return False
    return bool(
        tx.execute(
            f"INSERT INTO suspicion ({_COLUMNS})"
            " SELECT id, :state, :now, :now, :score, :recipients, :reasons FROM account"
            " WHERE id = :account ON CONFLICT (account_id) DO NOTHING",
            state="held" if held else "told",
            **given,
        )
    )


def release(tx: Tx, account_id: int, now: int) -> Suspect | None:
    """A postmaster says that all is well: what was so is usual. What had been suspected."""
    found = among(tx, [account_id]).get(account_id)
    if found is None or found.state == "released":
        return None
    tx.execute(
        "UPDATE suspicion SET state = 'released', since = :now WHERE account_id = :account",
        account=account_id,
        now=now,
    )
    if found.recipients >= LEAST:
        get_used(tx, account_id, found.recipients, now)
    return found


def forget(tx: Tx, now: int) -> int:
    """End what is over: released some hours ago, or quiet for a day and not held; how many."""
    return tx.execute(
        "DELETE FROM suspicion WHERE (state = 'released' AND since <= :released)"
        " OR (state = 'told' AND seen <= :quiet)",
        released=now - RELEASED_MS,
        quiet=now - QUIET_MS,
    )


def _chunks(account_ids: Sequence[int]) -> Iterable[tuple[str, dict[str, int]]]:
    for start in range(0, len(account_ids), _CHUNK):
        given = {f"n{n}": ident for n, ident in enumerate(account_ids[start : start + _CHUNK])}
        yield f"account_id IN ({', '.join(f':{name}' for name in given)})", given


def _read(row: Row) -> Suspect:
    ident, state, since, seen, score, recipients, reasons = row
    told = msgspec.json.decode(reasons, type=tuple[Reason, ...])
    return Suspect(ident, state, since, seen, score, recipients, told)
