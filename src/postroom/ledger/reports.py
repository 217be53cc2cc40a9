"""Reports on our domains that others sent, and which of ours went out.

A report is one row, whatever it says; the one that comes twice stays the first.
"""

import hashlib
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.db.ids import first_id_at

Kind = Literal["dmarc", "tls"]

KEEP_MS: Final = 400 * 86_400_000
KEEP_SENT_DAYS: Final = 30
NEWEST: Final = 1 << 62

_COLUMNS: Final = "id, kind, domain, organization, begins, ends, passed, failed, content"


class Received(msgspec.Struct, frozen=True):
    """A report. Times are in ms; ``passed`` and ``failed`` count messages or sessions."""

    id: int
    kind: Kind
    domain: str
    organization: str
    begins: int
    ends: int
    passed: int
    failed: int
    content: str


class Day(msgspec.Struct, frozen=True):
    """What all reports of a kind say of one day (UTC days since 1970)."""

    kind: Kind
    day: int
    passed: int
    failed: int


def add(tx: Tx, one: Received, ident: str) -> bool:
    """Keep it; False when it is there already. ``ident`` is the report's own."""
    text = f"{one.kind} {one.organization!r} {ident}"
    return (
        tx.one(
            f"INSERT INTO report (identity, {_COLUMNS}) VALUES (:identity, :id, :kind, :domain,"
            " :organization, :begins, :ends, :passed, :failed, :content)"
            " ON CONFLICT (identity) DO NOTHING RETURNING id",
            identity=hashlib.sha256(text.encode("utf-8", "replace")).hexdigest(),
            **msgspec.structs.asdict(one),
        )
        is not None
    )


def newest(
    tx: Tx, domain: str, *, among: Sequence[str] | None = None, below: int = NEWEST, limit: int
) -> list[Received]:
    """The newest first, of one domain or, with "", of all; ids under ``below``.

    ``among``: only of these domains.
    """
    chosen = _chosen(domain, among)
    if chosen is None:
        return []
    condition, given = chosen
    return [
        _read(row)
        for row in tx.all(
            f"SELECT {_COLUMNS} FROM report WHERE id < :below{condition} ORDER BY id DESC LIMIT :limit",
            below=below,
            limit=limit,
            **given,
        )
    ]


def daily(tx: Tx, since: int, domain: str, *, among: Sequence[str] | None = None) -> list[Day]:
    """What was reported of each UTC day from ``since`` (ms) on; of these domains as ``newest``."""
    chosen = _chosen(domain, among)
    if chosen is None:
        return []
    condition, given = chosen
    rows = tx.all(
        "SELECT kind, begins / 86400000 AS day, sum(passed), sum(failed) FROM report"
        # A report is made after what it tells of: older ids need no look.
        f" WHERE id >= :oldest AND begins >= :since{condition} GROUP BY kind, day",
        oldest=first_id_at(since),
        since=since,
        **given,
    )
    return [Day(kind, int(day), int(passed), int(failed)) for kind, day, passed, failed in rows]


def _chosen(domain: str, among: Sequence[str] | None) -> tuple[str, dict[str, str]] | None:
    """The condition on the domain, and what it names; None when there can be none."""
    if among is not None:
        among = [name for name in among if domain in {"", name}]
        if not among:
            return None
    names = among if among is not None else [domain] if domain else []
    given = {f"n{place}": name for place, name in enumerate(names)}
    return f" AND domain IN ({', '.join(f':{name}' for name in given)})" if given else "", given


def count(tx: Tx, domain: str) -> int:
    """How many there are, of one domain or of all."""
    if domain:
        row = tx.one("SELECT count(*) FROM report WHERE domain = :domain", domain=domain)
    else:
        row = tx.one("SELECT count(*) FROM report")
    return int(row[0]) if row else 0


def named(tx: Tx, ident: int) -> Received | None:
    """The report of this id."""
    row = tx.one(f"SELECT {_COLUMNS} FROM report WHERE id = :id", id=ident)
    return None if row is None else _read(row)


def purge(tx: Tx, before: int) -> int:
    """Forget a part of those with ids under ``before``; how many went."""
    return tx.execute(
        "DELETE FROM report WHERE id IN"
        " (SELECT id FROM report WHERE id < :before ORDER BY id LIMIT 1000)",
        before=before,
    )


def claim(tx: Tx, day: int, kind: Kind, domain: str) -> bool:
    """Take it on oneself to send a report; False when somebody has."""
    row = tx.one(
        "INSERT INTO report_sent (day, kind, domain) VALUES (:day, :kind, :domain)"
        " ON CONFLICT (day, kind, domain) DO NOTHING RETURNING day",
        day=day,
        kind=kind,
        domain=domain,
    )
    return row is not None


def is_sent(tx: Tx, day: int, kind: Kind, domain: str) -> bool:
    """Whether somebody has."""
    row = tx.one(
        "SELECT 1 FROM report_sent WHERE day = :day AND kind = :kind AND domain = :domain",
        day=day,
        kind=kind,
        domain=domain,
    )
    return row is not None


def give_back(tx: Tx, day: int, kind: Kind, domain: str) -> None:
    """It could not be sent: try again."""
    tx.execute(
        "DELETE FROM report_sent WHERE day = :day AND kind = :kind AND domain = :domain",
        day=day,
        kind=kind,
        domain=domain,
    )


def purge_sent(tx: Tx, today: int) -> int:
    """Forget what was sent long ago."""
    return tx.execute("DELETE FROM report_sent WHERE day < :before", before=today - KEEP_SENT_DAYS)


def _read(row: Row) -> Received:
    return Received(*row)
