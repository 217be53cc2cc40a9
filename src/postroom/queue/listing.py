"""The queue as a person sees it: pages of letters, one letter, depths.

Pages go by id, so oldest first, and each is one short read; filters that match little
make a page long to find, but never hold a write up. A row that can't be read (bad UTF-8
from an older version or a damaged disk) is shown as it can be, never an error.
"""

from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeVar

import msgspec

from postroom.db.database import Row, Tx, number
from postroom.queue.rows import CLAIMED, HELD, QUARANTINED, WAITING

Status = Literal["waiting", "claimed", "quarantined", "held"]

STATUS: Final[dict[int, Status]] = {
    WAITING: "waiting",
    CLAIMED: "claimed",
    QUARANTINED: "quarantined",
    HELD: "held",
}
_COLUMNS: Final = (
    "q.id, q.blob_id, q.account_id, q.sender, q.ret, q.envid, q.smtputf8, q.eightbit, q.size,"
    " q.accepted, q.priority, q.held, q.due, q.origin, q.requiretls"
)
# Octets compared without case (of ASCII), whatever they are.
_FOLDED: Final = {
    "sqlite": "lower(CAST({} AS TEXT))",
    "postgres": "lower(encode({}, 'escape'))",
}
_DEPTH: Final = (
    "SELECT name, waiting, ready_at, paused_until, (SELECT count(*) FROM lease"
    " WHERE lease.destination = destination.name), failures, last_reply FROM destination"
)
_LETTERS: Final = 100  # letters a query

# Rows of the directory, which is a neighbour: who of an administrator's domains has sent it.
_OF_DOMAINS: Final = (
    "q.account_id IN (SELECT a.account_id FROM domain_admin s JOIN address a"
    " ON a.domain_id = s.domain_id WHERE s.account_id = :within AND a.main = 1)"
)

T = TypeVar("T")


class Delivery(msgspec.Struct, frozen=True):
    """One recipient that waits; times in UTC milliseconds."""

    number: int
    recipient: str
    destination: str
    status: Status
    next_attempt: int
    attempts: int
    last_reply: str
    route: str


class Waiting(msgspec.Struct, frozen=True):
    """A letter in the queue. ``account_id``: who submitted it, None for relayed mail.

    ``due``: not tried before; ``origin`` as in ``queue.rows``.
    """

    id: int
    blob_id: int
    account_id: int | None
    sender: str
    ret: str
    envid: str
    smtputf8: bool
    eightbit: bool
    size: int
    accepted: int
    priority: int
    held: bool
    due: int
    origin: int
    requiretls: bool
    deliveries: tuple[Delivery, ...]


class Filter(msgspec.Struct, frozen=True):
    """Which letters; what is empty or None does not matter.

    ``destination``: it has a delivery there. Addresses are compared without case (ASCII).
    ``account`` (an id) submitted it; ``within``: people of the domains of this administrator (an account's id) submitted it.
    """

    destination: str = ""
    sender: str | None = None
    recipient: str = ""
    held: bool | None = None
    within: int | None = None
    account: int | None = None


class Depth(msgspec.Struct, frozen=True):
    """How many deliveries wait for one destination; ``in_flight`` counts batches."""

    destination: str
    waiting: int
    ready_at: int
    paused_until: int
    in_flight: int
    failures: int
    last_reply: str | None


class Stats(msgspec.Struct, frozen=True):
    """How deep the queue is. ``deliveries`` counts all, held and quarantined among them.

    ``oldest``: when the oldest letter was accepted, 0 for an empty queue.
    """

    deliveries: int
    held: int
    quarantined: int
    claimed: int
    destinations: int
    oldest: int


EVERYTHING: Final = Filter()


def page(tx: Tx, chosen: Filter = EVERYTHING, *, after: int = 0, limit: int) -> list[Waiting]:
    """Letters with ids above ``after``, oldest first."""
    where, given = _matching(tx, chosen)
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM queued q WHERE q.id > :after{where} ORDER BY q.id LIMIT :limit",
        after=after,
        limit=limit,
        **given,
    )
    return _letters(tx, rows)


def count(tx: Tx, chosen: Filter = EVERYTHING) -> int:
    """How many letters there are."""
    where, given = _matching(tx, chosen)
    return number(tx, f"SELECT count(*) FROM queued q WHERE q.id > 0{where}", **given)


def _matching(tx: Tx, chosen: Filter) -> tuple[str, dict[str, object]]:
    """The rest of a condition on ``q`` (it may be empty), and its parameters."""
    folded = _FOLDED[tx.engine]
    conditions: list[str] = []
    given: dict[str, object] = {}
    if chosen.sender is not None:
        conditions.append(f"{folded.format('q.sender')} = {folded.format(':sender')}")
        given["sender"] = chosen.sender.encode()
    if chosen.held is not None:
        conditions.append("q.held = :held")
        given["held"] = int(chosen.held)
    if chosen.account is not None:
        conditions.append("q.account_id = :account")
        given["account"] = chosen.account
    if chosen.within is not None:
        conditions.append(_OF_DOMAINS)
        given["within"] = chosen.within
    inner = ["d.queued_id = q.id"]
    if chosen.destination:
        inner.append("d.destination = :destination")
        given["destination"] = chosen.destination
    if chosen.recipient:
        inner.append(f"{folded.format('d.recipient')} = {folded.format(':recipient')}")
        given["recipient"] = chosen.recipient.encode()
    if len(inner) > 1:
        conditions.append(f"EXISTS (SELECT 1 FROM delivery d WHERE {' AND '.join(inner)})")
    return "".join(f" AND {one}" for one in conditions), given


def show(tx: Tx, ident: int) -> Waiting | None:
    """One letter with all its recipients."""
    found = tx.all(f"SELECT {_COLUMNS} FROM queued q WHERE q.id = :id", id=ident)
    return _letters(tx, found)[0] if found else None


def stats_within(tx: Tx, within: int) -> Stats:
    """The same of what people of an administrator's domains have sent."""
    row = tx.one(
        "SELECT count(*), sum(CASE WHEN d.status = :held THEN 1 ELSE 0 END),"
        " sum(CASE WHEN d.status = :quarantined THEN 1 ELSE 0 END),"
        " sum(CASE WHEN d.lease IS NULL THEN 0 ELSE 1 END), count(DISTINCT d.destination),"
        " min(q.accepted) FROM queued q JOIN delivery d ON d.queued_id = q.id"
        f" WHERE {_OF_DOMAINS}",
        held=HELD,
        quarantined=QUARANTINED,
        within=within,
    )
    return Stats(*(number or 0 for number in row)) if row else Stats(0, 0, 0, 0, 0, 0)


def stats(tx: Tx) -> Stats:
    """How deep the queue is; no walk over the waiting deliveries."""
    sums = tx.one(
        "SELECT coalesce(sum(waiting), 0), count(*) FROM destination WHERE waiting > 0"
    ) or (0, 0)
    claimed = tx.one("SELECT count(*) FROM delivery WHERE lease IS NOT NULL") or (0,)
    apart: dict[int, int] = dict(
        tx.all("SELECT status, count(*) FROM delivery WHERE status >= 2 GROUP BY status")
    )
    oldest = tx.one("SELECT accepted FROM queued ORDER BY id LIMIT 1")
    return Stats(
        deliveries=sums[0],
        held=apart.get(HELD, 0),
        quarantined=apart.get(QUARANTINED, 0),
        claimed=claimed[0],
        destinations=sums[1],
        oldest=oldest[0] if oldest else 0,
    )


def depths_of(tx: Tx, names: Sequence[str]) -> list[Depth]:
    """These destinations, as far as anything waits for them; at most a thousand."""
    given = {f"n{place}": name for place, name in enumerate(dict.fromkeys(names))}
    if not given:
        return []
    rows = tx.all(
        f"{_DEPTH} WHERE waiting > 0 AND name IN ({', '.join(f':{one}' for one in given)})"
        " ORDER BY name",
        **given,
    )
    return [Depth(*row) for row in rows]


def depths(tx: Tx, limit: int) -> list[Depth]:
    """The destinations for which most deliveries wait."""
    rows = tx.all(
        f"{_DEPTH} WHERE waiting > 0 ORDER BY waiting DESC, name LIMIT :limit", limit=limit
    )
    return [Depth(*row) for row in rows]


def _letters(tx: Tx, rows: Sequence[Row]) -> list[Waiting]:
    found: dict[int, list[Delivery]] = {row[0]: [] for row in rows}
    for chunk in _chunks(list(found)):
        names = {f"n{place}": ident for place, ident in enumerate(chunk)}
        for row in tx.all(
            "SELECT queued_id, number, recipient, destination, status, next_attempt, attempts,"
            " last_reply, route FROM delivery"
            f" WHERE queued_id IN ({', '.join(f':{name}' for name in names)})"
            " ORDER BY queued_id, number",
            **names,
        ):
            found[row[0]].append(_delivery(row))
    return [_waiting(row, found[row[0]]) for row in rows]


def _waiting(row: Row, deliveries: Sequence[Delivery]) -> Waiting:
    return Waiting(
        id=row[0],
        blob_id=row[1],
        account_id=row[2],
        sender=_text(row[3]),
        ret=row[4] or "",
        envid=_text(row[5]),
        smtputf8=bool(row[6]),
        eightbit=bool(row[7]),
        size=row[8],
        accepted=row[9],
        priority=row[10],
        held=bool(row[11]),
        due=row[12],
        origin=row[13],
        requiretls=bool(row[14]),
        deliveries=tuple(deliveries),
    )


def _delivery(row: Row) -> Delivery:
    return Delivery(
        number=row[1],
        recipient=_text(row[2]),
        destination=row[3],
        status=STATUS.get(row[4], "quarantined"),
        next_attempt=row[5],
        attempts=row[6],
        last_reply=row[7] or "",
        route=row[8] or "",
    )


def _text(octets: bytes | None) -> str:
    return (octets or b"").decode("utf-8", "replace")


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _LETTERS):
        yield items[start : start + _LETTERS]
