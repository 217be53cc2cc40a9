"""What senders are worth, as rows: letters of each kind by sender, and whom people write to.

A sender is a number: an address or a domain that was proven, or a network. Its counts fade:
each ``HALF_LIFE`` days they are halved. Rows that say little are dropped after days, others
after months.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from postroom.db.database import Engine, Row, Tx

DAY_MS: Final = 24 * 3600 * 1000
HALF_LIFE: Final = 30  # days
KEPT_DAYS: Final = 180
KEPT_DAYS_OF_FEW: Final = 14  # of those with hardly any letters
KEPT_DAYS_OF_PEOPLE: Final = 730
FEW: Final = 2 * 16
UNIT: Final = 16  # of a letter, so that fading has something to take from
CHUNK: Final = 1_000
FIRST: Final = -(1 << 63)  # no sender is below

_NUMBERS: Final[Mapping[Engine, str]] = {
    "sqlite": "(SELECT value FROM json_each(:numbers))",
    "postgres": "(SELECT unnest(CAST(:numbers AS BIGINT[])))",
}


class Letters(msgspec.Struct, frozen=True):
    """How many letters of a sender were spam and ham, the older the less."""

    spam: float = 0.0
    ham: float = 0.0

    @property
    def count(self) -> float:
        """Messages of both kinds, fresh ones weighing most."""
        return self.spam + self.ham


def letters(tx: Tx, senders: Collection[int], now: int) -> dict[int, Letters]:
    """Of these senders, those that are known."""
    rows = tx.all(
        f"SELECT sender, spam, ham, day FROM reputation WHERE sender IN {_NUMBERS[tx.engine]}",
        numbers=_listed(tx.engine, senders),
    )
    today = now // DAY_MS
    return {
        sender: Letters(_faded(spam, today - day) / UNIT, _faded(ham, today - day) / UNIT)
        for sender, spam, ham, day in rows
    }


def who_knows(tx: Tx, person: int, accounts: Collection[int]) -> list[int]:
    """The accounts that have written to a person."""
    rows = tx.all(
        "SELECT account_id FROM correspondent WHERE person = :person"
        f" AND account_id IN {_NUMBERS[tx.engine]}",
        person=person,
        numbers=_listed(tx.engine, accounts),
    )
    return [row[0] for row in rows]


def add(tx: Tx, counted: Mapping[int, tuple[int, int]], now: int) -> None:
    """More letters of senders: (spam, ham)."""
    today = now // DAY_MS
    before = {
        row[0]: row[1:]
        for row in tx.all(
            f"SELECT sender, spam, ham, day FROM reputation WHERE sender IN {_NUMBERS[tx.engine]}",
            numbers=_listed(tx.engine, counted),
        )
    }
    rows = []
    for sender in sorted(counted):
        spam, ham, day = before.get(sender, (0, 0, today))
        more_spam, more_ham = counted[sender]
        age = today - day
        rows.append(
            (
                sender,
                _faded(spam, age) + UNIT * more_spam,
                _faded(ham, age) + UNIT * more_ham,
                today,
            )
        )
    tx.many(
        "INSERT INTO reputation (sender, spam, ham, day) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (sender) DO UPDATE SET spam = excluded.spam, ham = excluded.ham,"
        " day = excluded.day",
        rows,
    )


def know(tx: Tx, pairs: Iterable[tuple[int, int]], now: int) -> None:
    """Accounts have written to people: (account, person)."""
    tx.many(
        "INSERT INTO correspondent (account_id, person, day) VALUES (?, ?, ?)"
        " ON CONFLICT (account_id, person) DO UPDATE SET day = excluded.day",
        [(account, person, now // DAY_MS) for account, person in sorted(pairs)],
    )


def old_senders(tx: Tx, now: int, after: Row = (FIRST,)) -> list[Row]:
    """Some of those that have grown too old, in their order: sender and day."""
    today = now // DAY_MS
    return tx.all(
        "SELECT sender, day FROM reputation WHERE sender > :after"
        " AND (day < :old OR (day < :young AND spam + ham <= :few)) ORDER BY sender LIMIT :chunk",
        after=after[0],
        old=today - KEPT_DAYS,
        young=today - KEPT_DAYS_OF_FEW,
        few=FEW,
        chunk=CHUNK,
    )


def old_people(tx: Tx, now: int, after: Row = (0, FIRST)) -> list[Row]:
    """Some of whom nobody has written to for long, in their order: account, person, day."""
    return tx.all(
        "SELECT account_id, person, day FROM correspondent"
        " WHERE (account_id, person) > (:account, :person) AND day < :old"
        " ORDER BY account_id, person LIMIT :chunk",
        account=after[0],
        person=after[1],
        old=now // DAY_MS - KEPT_DAYS_OF_PEOPLE,
        chunk=CHUNK,
    )


def drop_senders(tx: Tx, old: Iterable[Row]) -> None:
    """Forget these, unless they have written again meanwhile."""
    tx.many("DELETE FROM reputation WHERE sender = ? AND day = ?", old)


def drop_people(tx: Tx, old: Iterable[Row]) -> None:
    """Forget these, unless somebody has written to them again meanwhile."""
    tx.many("DELETE FROM correspondent WHERE account_id = ? AND person = ? AND day = ?", old)


def forget(tx: Tx, account_id: int) -> None:
    """An account is gone: nobody is known to it any more."""
    tx.execute("DELETE FROM correspondent WHERE account_id = :account", account=account_id)


def _faded(count: int, days: int) -> int:
    return count if days <= 0 else int(count * 0.5 ** (days / HALF_LIFE))


def _listed(engine: Engine, numbers: Iterable[int]) -> object:
    return f"[{','.join(map(str, numbers))}]" if engine == "sqlite" else list(numbers)
