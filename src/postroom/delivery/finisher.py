"""Writes that messages are done: queue and ledger, many in one transaction.

It is for ends that nobody is told of; those with a notice are the ``settler``'s. While the
database fails they are kept and tried again: another server has the messages already, and only
a crash meanwhile sends them a second time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Database, Tx
from postroom.errors import MailError
from postroom.ledger import rows as ledger
from postroom.ledger.rows import Fact
from postroom.queue.settling import Settled, settle
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

FIRST_PAUSE: Final = 1.0  # seconds between attempts to write
LONGEST_PAUSE: Final = 30.0

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
Sleep = Callable[[float], Awaitable[None]]


class Finished(msgspec.Struct, frozen=True):
    """What came of one message in one transaction with a server."""

    settled: Settled
    facts: tuple[Fact, ...] = ()


Finish = Callable[[Sequence[Finished]], Awaitable[None]]
"""Write them: durable when it returns. Raises when one of them can't be written."""


class Finisher:
    """Used on one loop."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        clock: Callable[[], int],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._clock = clock
        self._sleep = sleep
        self._batch: Callable[[Tx, Sequence[Sequence[Finished]]], list[None]] = self._write

    async def finish(self, results: Sequence[Finished]) -> None:
        """Write what came of these messages, as ``Finish`` promises."""
        try:
            await self._written(results)
        except Exception:  # noqa: BLE001 - one of them must not spoil the others
            alone = [self._written([one]) for one in results]
            ended = await asyncio.gather(*alone, return_exceptions=True)
            for failure in ended:
                if failure is not None:
                    raise failure from None

    async def _written(self, results: Sequence[Finished]) -> None:
        await until_written(self._db, self._batch, results, sleep=self._sleep)

    def _write(self, tx: Tx, many: Sequence[Sequence[Finished]]) -> list[None]:
        results = [one for some in many for one in some]
        settle(tx, self._blobs, [one.settled for one in results], self._clock())
        ledger.note(tx, [fact for one in results for fact in one.facts])
        return [None] * len(many)


async def until_written(
    db: Database,
    batch: Callable[[Tx, Sequence[ItemT]], Sequence[ResultT | Exception]],
    item: ItemT,
    *,
    size: int = 0,
    sleep: Sleep = asyncio.sleep,
) -> tuple[ResultT, bool]:
    """``db.submit`` for as long as the database fails.

    With False when an attempt before may have written it unbeknown to us.
    """
    pause, is_certain = FIRST_PAUSE, True
    while True:
        try:
            written = await db.submit(batch, item, size=size)
        except MailError as error:
            is_certain = False
            sink.emit(StorageTrouble(where="settle", reason=str(error)))
        else:
            return written, is_certain
        await sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
