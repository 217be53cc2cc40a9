"""What was found of mail in the name of domains that want DMARC reports: counts a day.

Counted in memory by ``policy.dmarc_counts`` and added here now and then; a report is made from
the rows of one finished day. Kept for a week. What strangers chose is cut to what an index of
PostgreSQL takes.
"""

from collections import Counter
from typing import Final, NamedTuple

import msgspec

from postroom.db.database import Tx
from postroom.mailauth.feedback import Published, Record, Row

DAY_MS: Final = 86_400_000
KEEP_DAYS: Final = 7
MAX_ROW: Final = 1_500  # octets of a row as JSON


class Result(NamedTuple):
    """Messages that are counted together; ``domain`` is whose policy it was."""

    day: int
    domain: str
    published: Published
    row: Row


class Day(NamedTuple):
    """One report that may be due."""

    day: int
    domain: str


def fitting(row: Row) -> Row:
    """The row with as many signatures as fit."""
    while row.signatures and len(msgspec.json.encode(row)) > MAX_ROW:
        row = msgspec.structs.replace(row, signatures=row.signatures[:-1])
    return row


def add(tx: Tx, counts: Counter[Result]) -> None:
    """Add to the counts of a day."""
    tx.many(
        "INSERT INTO dmarc_result (day, domain, published, result, messages)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (day, domain, published, result) DO UPDATE"
        " SET messages = dmarc_result.messages + excluded.messages",
        sorted(
            (one.day, one.domain, _text(one.published), _text(one.row), count)
            for one, count in counts.items()
        ),
    )


def finished(tx: Tx, today: int) -> list[Day]:
    """The days that are over, by domain."""
    rows = tx.all(
        "SELECT DISTINCT day, domain FROM dmarc_result WHERE day < :today ORDER BY day, domain",
        today=today,
    )
    return [Day(*row) for row in rows]


def of(tx: Tx, day: Day, most: int) -> tuple[Published, tuple[Record, ...]] | None:
    """The policy that was seen last, and at most ``most`` records; None without any."""
    rows = tx.all(
        "SELECT published, result, messages FROM dmarc_result WHERE day = :day"
        " AND domain = :domain ORDER BY messages DESC, result LIMIT :most",
        day=day.day,
        domain=day.domain,
        most=most,
    )
    if not rows:
        return None
    published = msgspec.json.decode(rows[0][0], type=Published)
    return published, tuple(
        [Record(msgspec.json.decode(result, type=Row), count) for _, result, count in rows]
    )


def purge(tx: Tx, now: int) -> int:
    """Forget old days; ``now`` in ms. How many rows went."""
    return tx.execute(
        "DELETE FROM dmarc_result WHERE day < :before", before=now // DAY_MS - KEEP_DAYS
    )


def _text(value: Published | Row) -> str:
    return msgspec.json.encode(value).decode()
