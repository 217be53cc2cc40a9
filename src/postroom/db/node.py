"""The node number of a server: leased, so that no two servers make the same id.

What is leased is a span of the milliseconds of ids, not of time: the holder of a number
makes ids below ``until`` only, the next holder from there on. So clocks that differ, a
server that hangs, or one that comes back after hours can't make an id twice. A number is
free when the clock of the database has passed ``until``.

A note in the data folder tells the next process there which number this one had.

Used on PostgreSQL. On SQLite the server has its data folder for itself.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from postroom.db.database import ConstraintFailed, Database, Tx, number
from postroom.db.ids import Ids
from postroom.errors import MailError, Refused
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

LEASE_MS: Final = 60_000
RENEW_SECONDS: Final = 10.0
RETRY_SECONDS: Final = 1.0
NOTE: Final = "node"  # in the data folder: of the server
CARRIER_NOTE: Final = "node.carrier"  # of its delivery process
NUMBERS: Final = 128  # commands use those above
_ATTEMPTS: Final = 5
_NOW: Final = {
    "sqlite": "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    "postgres": "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
}


class Lease(NamedTuple):
    """Ids of ``number`` from the millisecond ``start`` to before ``until`` are ours."""

    number: int
    epoch: int
    start: int
    until: int


def database_time(tx: Tx) -> int:
    """UTC milliseconds: one clock for all nodes."""
    return number(tx, _NOW[tx.engine])


def take(tx: Tx, now: int, tick: int) -> Lease:
    """Lease the lowest free number; ``tick`` is the lowest millisecond the caller will use.

    Raises ``Refused`` when there is none.
    """
    row = tx.one(
        "SELECT number, epoch, until FROM node WHERE until <= :now ORDER BY number LIMIT 1",
        now=now,
    )
    if row is None:
        held = tx.one("SELECT count(*) FROM node")
        number = int(held[0]) if held else 0
        if number >= NUMBERS:
            raise Refused(f"all {NUMBERS} node numbers are in use: try again in a minute")
        tx.execute("INSERT INTO node (number, epoch, until) VALUES (:number, 0, 0)", number=number)
        row = (number, 0, 0)
    number, epoch, start = row
    until = max(now, tick, start) + LEASE_MS
    _update(tx, number, epoch, epoch + 1, until)
    return Lease(number, epoch + 1, start, until)


def renew(tx: Tx, lease: Lease, now: int, tick: int) -> Lease | None:
    """The same lease for longer; None when somebody else has taken the number."""
    until = max(now, tick, lease.until - LEASE_MS) + LEASE_MS
    if not _update(tx, lease.number, lease.epoch, lease.epoch, until):
        return None
    return lease._replace(until=until)


def release(tx: Tx, lease: Lease, tick: int) -> None:
    """Give the number back; no id from ``tick`` on was made."""
    _update(tx, lease.number, lease.epoch, lease.epoch, tick)


def _update(tx: Tx, number: int, epoch: int, later: int, until: int | None) -> int:
    kept = "until" if until is None else f"{until:d}"
    return tx.execute(
        f"UPDATE node SET epoch = :later, until = {kept} WHERE number = :number AND epoch = :epoch",
        number=number,
        epoch=epoch,
        later=later,
    )


def noted(note: Path) -> tuple[int, int] | None:
    """The number and epoch of the process that wrote the note last; None without one."""
    try:
        number, epoch = map(int, note.read_bytes().split())
    except (OSError, ValueError):  # a power cut may have emptied it
        return None
    return number, epoch


def is_unchanged(tx: Tx, number: int, epoch: int) -> bool:
    """Whether nobody has taken this number since; nobody can until the transaction ends."""
    return bool(_update(tx, number, epoch, epoch, None))


class Node:
    """Keeps the lease of one server and tells its ``Ids``."""

    def __init__(self, db: Database, ids: Ids, note: Path | None = None) -> None:
        self._db = db
        self._ids = ids
        self._note = note
        self._lease: Lease | None = None

    async def take(self) -> Lease:
        """Lease a number. Raises ``Refused``, ``StorageFailed``."""
        tick = self._ids.tick
        for _ in range(_ATTEMPTS):
            with contextlib.suppress(ConstraintFailed):  # another server was faster
                lease = await self._db.write(lambda tx: take(tx, database_time(tx), tick))
                self._lease = lease
                self._ids.lease(lease.number, max(lease.start, tick), lease.until)
                self._write_note(lease)
                return lease
        raise Refused("others keep taking the same node number: try again")

    def _write_note(self, lease: Lease) -> None:
        if self._note is None:
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        with (
            contextlib.suppress(OSError),  # without it the next process waits a while
            os.fdopen(os.open(self._note, flags, 0o600), "w", encoding="ascii") as stream,
        ):
            stream.write(f"{lease.number} {lease.epoch}\n")

    async def renew(self) -> None:
        """Once: go on with our number, or with another if it is no longer ours."""
        mine = self._lease
        if mine is None:
            await self.take()
            return
        tick = self._ids.tick
        lease = await self._db.write(lambda tx: renew(tx, mine, database_time(tx), tick))
        if lease is None:
            await self.take()
            return
        self._lease = lease
        self._ids.extend(lease.until)

    async def keep(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Renew until cancelled; soon again when the database does not answer."""
        pause = RENEW_SECONDS
        while True:
            await sleep(pause)
            try:
                await self.renew()
                pause = RENEW_SECONDS
            except (MailError, Refused) as error:
                sink.emit(StorageTrouble(where="node", reason=str(error)))
                pause = RETRY_SECONDS

    async def release(self) -> None:
        """Let the next server have the number at once; without it the lease runs out."""
        mine, self._lease = self._lease, None
        if mine is not None:
            self._ids.extend(0)
            tick = self._ids.tick
            with contextlib.suppress(MailError):
                await self._db.write(lambda tx: release(tx, mine, tick))


@contextlib.asynccontextmanager
async def leased(db: Database, ids: Ids, note: Path | None = None) -> AsyncIterator[Node]:
    """Hold a node number meanwhile."""
    node = Node(db, ids, note)
    await node.take()
    keeping = asyncio.create_task(node.keep())
    try:
        yield node
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await node.release()
