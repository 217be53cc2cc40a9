"""The story of a letter: by queue id, by Message-ID, by an address in its envelope.

``search`` goes from the newest letter to the oldest in steps; each step is one short read
of bounded work, and says where the next one begins.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

import msgspec

from postroom.db.database import Row, Tx
from postroom.ledger import segments
from postroom.ledger.rows import ENTRY_COLUMNS, FACT_COLUMNS, Entry, Fact, read

THE_END: Final = 0
NEWEST: Final = 1 << 62
_SEGMENTS: Final = 200  # segments looked through in one step
_FACTS: Final = 100  # letters a query

_IN_REACH: Final = "IN (SELECT domain_id FROM domain_admin WHERE account_id = :within)"
# Recipients stand in the ledger as A-labels in lower case, as the names of domains do.
_WITHIN: Final = (
    " AND (EXISTS (SELECT 1 FROM address a WHERE a.account_id = ledger.account_id AND a.main = 1"
    f" AND a.domain_id {_IN_REACH}) OR EXISTS (SELECT 1 FROM ledger_event e, domain d"
    f" WHERE e.ledger_id = ledger.id AND (d.id {_IN_REACH} OR d.alias_of {_IN_REACH})"
    " AND d.removed IS NULL"
    " AND substr(e.recipient, length(e.recipient) - length(d.name)) = '@' || d.name))"
)

T = TypeVar("T")


class Story(msgspec.Struct, frozen=True):
    """A letter and its facts in order."""

    entry: Entry
    facts: tuple[Fact, ...]


class Sought(msgspec.Struct, frozen=True):
    """What to look for: a Message-ID, or an address and perhaps the account it belongs to.

    Text as ``rows.normal_id`` and ``rows.folded`` make it. ``account_id`` 0 is none. ``within``:
    only what people in the domains of this administrator wrote or were written, 0: everything.
    """

    message_id: str = ""
    address: str = ""
    account_id: int = 0
    within: int = 0

    def keys(self) -> list[bytes]:
        """Its hashes; a segment that has none of them holds no such letter."""
        keys = [segments.key_of(text) for text in (self.message_id, self.address) if text]
        if self.account_id:
            keys.append(segments.key_of_account(self.account_id))
        return keys


def by_id(tx: Tx, ident: int) -> Story | None:
    """The story under a queue id."""
    row = tx.one(f"SELECT {ENTRY_COLUMNS} FROM ledger WHERE id = :id", id=ident)
    return _stories(tx, [row])[0] if row else None


def search(tx: Tx, sought: Sought, *, below: int = NEWEST, limit: int) -> tuple[list[Story], int]:
    """One step: stories with ids under ``below``, newest first, and the next ``below``.

    ``THE_END`` when there is nothing more. At most ``limit`` stories, perhaps none.
    """
    covered = segments.covered(tx)
    if below > covered + 1:
        first = _page_start(tx, covered, below)
        return _told(tx, sought, [(first, below - 1)], limit, first if first > 1 else THE_END)
    keys = sought.keys()
    found = segments.below(tx, below, _SEGMENTS)
    spans = [
        (segment.first_id, min(segment.last_id, below - 1))
        for segment in found
        if any(segment.may_hold(key) for key in keys)
    ]
    end = found[-1].first_id if len(found) == _SEGMENTS else THE_END
    return _told(tx, sought, spans, limit, end)


def _page_start(tx: Tx, covered: int, below: int) -> int:
    """The first id of a page of letters that have no segment."""
    row = tx.one(
        "SELECT id FROM ledger WHERE id > :covered AND id < :below"
        " ORDER BY id DESC LIMIT 1 OFFSET :page",
        covered=covered,
        below=below,
        page=segments.LETTERS - 1,
    )
    return int(row[0]) if row else covered + 1


def _told(
    tx: Tx, sought: Sought, spans: Sequence[tuple[int, int]], limit: int, end: int
) -> tuple[list[Story], int]:
    rows: list[Row] = []
    for first, last in spans:
        rows += _scan(tx, sought, first, last)
        if len(rows) >= limit:
            end = rows[limit - 1][0] if len(rows) > limit else max(first, THE_END)
            rows = rows[:limit]
            break
    return _stories(tx, rows), end if end > 1 else THE_END


def _scan(tx: Tx, sought: Sought, first: int, last: int) -> list[Row]:
    reach = {"within": sought.within} if sought.within else {}
    theirs = f"{_WITHIN if reach else ''} ORDER BY id DESC"
    if sought.message_id:
        return tx.all(
            f"SELECT {ENTRY_COLUMNS} FROM ledger WHERE id >= :first AND id <= :last"
            f" AND message_id = :message{theirs}",
            first=first,
            last=last,
            message=sought.message_id,
            **reach,
        )
    return tx.all(
        f"SELECT {ENTRY_COLUMNS} FROM ledger WHERE id >= :first AND id <= :last"
        " AND (sender = :address OR account_id = :account OR id IN"
        " (SELECT ledger_id FROM ledger_event WHERE ledger_id >= :first AND ledger_id <= :last"
        f" AND (recipient = :address OR account_id = :account))){theirs}",
        first=first,
        last=last,
        address=sought.address,
        account=sought.account_id,
        **reach,
    )


def _stories(tx: Tx, rows: Sequence[Row]) -> list[Story]:
    facts: dict[int, list[Fact]] = {row[0]: [] for row in rows}
    for chunk in _chunks(list(facts)):
        names = {f"n{place}": ident for place, ident in enumerate(chunk)}
        for row in tx.all(
            f"SELECT {FACT_COLUMNS} FROM ledger_event"
            f" WHERE ledger_id IN ({', '.join(f':{name}' for name in names)})"
            " ORDER BY ledger_id, number",
            **names,
        ):
            facts[row[0]].append(Fact(*row))
    return [Story(read(row), tuple(facts[row[0]])) for row in rows]


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _FACTS):
        yield items[start : start + _FACTS]
