"""Writes what came of a message: queue, ledger and notice in one transaction.

A bounce and the end of its delivery are one commit: neither can be there without the other
(RFC 5321 §6.1). Whatever finishes at the same moment goes in one group commit. While the
database fails, results are kept and tried again: another server has the message already,
and only a crash meanwhile sends it a second time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Database, Tx
from postroom.errors import MailError
from postroom.ledger import rows as ledger
from postroom.ledger.rows import Fact
from postroom.post.commit import Answer, Post
from postroom.post.letter import Letter
from postroom.queue import patience
from postroom.queue.claimed import Recipient
from postroom.queue.settling import Settled, settle
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

FIRST_PAUSE: Final = 1.0  # seconds between attempts to write
LONGEST_PAUSE: Final = 30.0

Sleep = Callable[[float], Awaitable[None]]


class Result(msgspec.Struct, frozen=True):
    """What came of one message in one transaction with a server.

    ``letters`` are committed with it: notices, copies filed here; none of them when all its
    recipients were removed or taken over meanwhile. ``warned``: those whose sender is told
    of a delay by one of the letters.
    """

    settled: Settled
    facts: tuple[Fact, ...] = ()
    letters: tuple[Letter, ...] = ()
    warned: tuple[Recipient, ...] = ()


class Written(msgspec.Struct, frozen=True):
    """``done``: the numbers of recipients that left the queue. ``answers``: of the letters."""

    done: frozenset[int]
    answers: tuple[Answer, ...]


class Settler:
    """One a process."""

    def __init__(
        self,
        db: Database,
        post: Post,
        blobs: BlobStore,
        clock: Callable[[], int],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._db = db
        self._post = post
        self._blobs = blobs
        self._clock = clock
        self._sleep = sleep
        self._batch: Callable[[Tx, Sequence[Result]], list[Written]] = self._write

    async def settle(self, result: Result) -> Written:
        """Durable when it returns. Tries for as long as the database fails."""
        written = await self._submitted(result)
        for letter, answer in zip(result.letters, written.answers, strict=False):
            if isinstance(answer, list):
                self._post.announce(letter, answer)
        return written

    async def _submitted(self, result: Result) -> Written:
        size = sum([one.weight for one in result.letters])
        pause = FIRST_PAUSE
        while True:
            try:
                written: Written = await self._db.submit(self._batch, result, size=size)
            except MailError as error:
                sink.emit(StorageTrouble(where="settle", reason=str(error)))
            else:
                return written
            await self._sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _write(self, tx: Tx, results: Sequence[Result]) -> list[Written]:
        done = settle(tx, self._blobs, [one.settled for one in results], self._clock())
        going: list[tuple[int, Letter]] = []
        for place, (one, gone) in enumerate(zip(results, done, strict=True)):
            if gone or one.warned:
                going += [(place, letter) for letter in one.letters]
        answers: list[list[Answer]] = [[] for _ in results]
        if going:
            written = self._post.write(tx, [letter for _, letter in going])
            for (place, _), answer in zip(going, written, strict=True):
                answers[place].append(answer)
        warned = [recipient for one in results for recipient in one.warned]
        if warned:
            patience.warn(tx, warned)
        ledger.note(tx, [fact for one in results for fact in one.facts])
        return [
            Written(frozenset(gone), tuple(mine)) for gone, mine in zip(done, answers, strict=True)
        ]
