"""Deliveries in the hands of a worker: values, and how they are read from rows."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from postroom.db.database import Row, Tx
from postroom.queue.rows import Inward, Queued

RECIPIENT: Final = (
    "queued_id, number, recipient, destination, orcpt, notify, attempts, warned, route, last_reply,"
    " patient, inward"
)
LETTER: Final = (
    "id, blob_id, sender, size, accepted, account_id, prefix, ret, envid, smtputf8, eightbit,"
    " requiretls, due, origin, priority"
)

_IN: Final = {
    "sqlite": "SELECT value FROM json_each(:ids)",
    "postgres": "SELECT unnest(:ids)",
}


class Recipient(msgspec.Struct, frozen=True):
    """One recipient that was claimed. ``attempts`` counts those before this one.

    ``lease`` is 0 before the claim. ``patient`` and ``inward`` as in ``Outgoing``.
    """

    queued_id: int
    number: int
    address: bytes
    destination: str
    orcpt: bytes | None
    notify: str | None
    attempts: int
    warned: bool
    route: str | None
    last_reply: str
    lease: int = 0
    patient: bool = False
    inward: Inward | None = None


class Claimed(msgspec.Struct, frozen=True):
    """A letter, with those of its recipients that were claimed."""

    letter: Queued
    recipients: tuple[Recipient, ...]


class Batch(msgspec.Struct, frozen=True):
    """What one worker has to do for one destination. ``failures``: of the destination.

    ``is_express``: its lease is not its own, and goes on after it. ``is_urged``: a postmaster
    wants a destination that has failed to be tried at once.
    """

    lease: int
    destination: str
    letters: tuple[Claimed, ...]
    cap: int
    failures: int
    is_express: bool = False
    is_urged: bool = False


def grouped(tx: Tx, recipients: Sequence[Recipient]) -> tuple[Claimed, ...]:
    """By letter, in the order of their first recipients.

    Letters that are gone, or whose row is damaged, are left out.
    """
    by_letter: dict[int, list[Recipient]] = {}
    for one in recipients:
        by_letter.setdefault(one.queued_id, []).append(one)
    rows = in_letters(tx, f"SELECT {LETTER} FROM queued WHERE id IN ({{}})", list(by_letter))
    letters = {row[0]: _readable(row) for row in rows}
    return tuple(
        Claimed(queued, tuple(many))
        for ident, many in by_letter.items()
        if (queued := letters.get(ident)) is not None
    )


def _readable(row: Row) -> Queued | None:
    """None for a row that holds what has no place in an envelope."""
    try:
        return letter(row)
    except ValueError:
        return None


def in_letters(tx: Tx, sql: str, ids: Sequence[int], **parameters: object) -> list[Row]:
    given: object = list(ids) if tx.engine == "postgres" else msgspec.json.encode(ids).decode()
    if not ids:
        return []
    return tx.all(sql.format(_IN[tx.engine]), ids=given, **parameters)


def recipient(row: Row) -> Recipient:
    return Recipient(
        queued_id=row[0],
        number=row[1],
        address=row[2],
        destination=row[3],
        orcpt=row[4],
        notify=row[5],
        attempts=row[6],
        warned=bool(row[7]),
        route=row[8],
        last_reply=row[9] or "",
        patient=bool(row[10]),
        inward=None if row[11] is None else msgspec.json.decode(row[11], type=Inward),
    )


def letter(row: Row) -> Queued:
    ret: Literal["FULL", "HDRS"] | None = row[7]
    return Queued(
        id=row[0],
        blob_id=row[1],
        sender=row[2],
        size=row[3],
        accepted=row[4],
        account_id=row[5],
        prefix=row[6],
        ret=ret,
        envid=row[8],
        smtputf8=bool(row[9]),
        eightbit=bool(row[10]),
        requiretls=bool(row[11]),
        due=row[12],
        origin=row[13],
        priority=row[14],
    )
