"""What makes the ledger quick to search: hashes of a thousand letters in one row.

An index over Message-ID, sender and recipient would cost each letter four times what its
ledger rows cost, while it is being accepted. A segment is made afterwards, in the
background, and only says whether its thousand letters are worth reading. The newest
letters have no segment yet; a search reads them all.

An id is given out shortly before its row is there. So a segment is closed only when its
last letter is ``SETTLED_MS`` old: nothing can appear between its ids any more.
"""

import struct
import zlib
from typing import Final

import msgspec

from postroom.db.database import Database, Tx
from postroom.db.ids import first_id_at

LETTERS: Final = 1000
SETTLED_MS: Final = 5 * 60 * 1000

_KEY: Final = struct.Struct("<I")


class Segment(msgspec.Struct, frozen=True):
    """The letters ``first_id`` .. ``last_id``; ``keys`` are hashes of four octets each."""

    first_id: int
    last_id: int
    keys: bytes

    def may_hold(self, key: bytes) -> bool:
        """False when no letter of the segment has it."""
        at = self.keys.find(key)
        while at % _KEY.size and at > 0:
            at = self.keys.find(key, at + 1)
        return at >= 0


def key_of(text: str) -> bytes:
    """The hash of a Message-ID or an address."""
    return _KEY.pack(zlib.crc32(text.encode()))


def key_of_account(account_id: int) -> bytes:
    """The hash of an account."""
    return key_of(f"#{account_id}")


def below(tx: Tx, ident: int, limit: int) -> list[Segment]:
    """The newest segments that begin below an id, newest first."""
    rows = tx.all(
        "SELECT first_id, last_id, keys FROM ledger_segment WHERE first_id < :ident"
        " ORDER BY first_id DESC LIMIT :limit",
        ident=ident,
        limit=limit,
    )
    return [Segment(*row) for row in rows]


def covered(tx: Tx) -> int:
    """The last id that has a segment, 0 when there is none."""
    newest = below(tx, 1 << 62, 1)
    return newest[0].last_id if newest else 0


async def extend(db: Database, now: int) -> int:
    """Make the segments that are due, each in a transaction of its own; how many."""
    made = 0
    before = first_id_at(now - SETTLED_MS)
    while await db.write(lambda tx: extend_once(tx, before), bulk=True):
        made += 1
    return made


def extend_once(tx: Tx, before: int) -> bool:
    """Make one segment of letters with ids below ``before``; False when they are too few."""
    last = covered(tx)
    letters = tx.all(
        "SELECT id, message_id, sender, account_id FROM ledger"
        " WHERE id > :last AND id < :before ORDER BY id LIMIT :letters",
        last=last,
        before=before,
        letters=LETTERS,
    )
    if len(letters) < LETTERS:
        return False
    end = letters[-1][0]
    facts = tx.all(
        "SELECT DISTINCT recipient, account_id FROM ledger_event"
        " WHERE ledger_id > :last AND ledger_id <= :end",
        last=last,
        end=end,
    )
    words = {text for row in letters for text in row[1:3]} | {row[0] for row in facts}
    accounts = {row[3] for row in letters} | {row[1] for row in facts}
    keys = {key_of(word) for word in words if word}
    keys |= {key_of_account(ident) for ident in accounts if ident is not None}
    tx.execute(
        "INSERT INTO ledger_segment (first_id, last_id, keys) VALUES (:first, :last, :keys)",
        first=last + 1,
        last=end,
        keys=b"".join(sorted(keys)),
    )
    return True
