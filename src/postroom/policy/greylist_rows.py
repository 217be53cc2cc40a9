"""The greylist as rows of ``greylist``; ``greylist`` says what they mean."""

from collections.abc import Iterable, Sequence
from typing import Final

from postroom.db.database import Tx
from postroom.policy.greylist import REMEMBER, WINDOW, Entry

_CHUNK: Final = 1_000


def put(tx: Tx, entries: Iterable[Entry]) -> None:
    """Write entries; one that has passed stays so."""
    tx.many(
        "INSERT INTO greylist (who, asked, seen, passed) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (who) DO UPDATE SET asked = excluded.asked, seen = excluded.seen,"
        " passed = excluded.passed WHERE excluded.passed = 1 OR greylist.passed = 0",
        [(one.who, one.asked, one.seen, int(one.passed)) for one in entries],
    )


def find(tx: Tx, who: Sequence[str]) -> list[Entry]:
    """Those of these that are written down."""
    rows = [
        tx.one("SELECT who, asked, seen, passed FROM greylist WHERE who = :who", who=one)
        for one in who
    ]
    return [Entry(row[0], row[1], row[2], bool(row[3])) for row in rows if row is not None]


def purge(tx: Tx, now: int) -> int:
    """Forget what counts no more, at most a thousand; how many there were."""
    return tx.execute(
        "DELETE FROM greylist WHERE who IN (SELECT who FROM greylist"
        " WHERE seen < :then AND (passed = 0 OR seen < :long_ago) LIMIT :most)",
        then=now - WINDOW,
        long_ago=now - REMEMBER,
        most=_CHUNK,
    )
