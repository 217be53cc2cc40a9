"""Learns what people have shown, on the quiet: one message after the other, with rests.

A task of a server. Each message is one short transaction of the lower lane, which learns it
and ends its wait; after a crash, or beside another server, it is learned once all the same.
Scopes that have grown beyond their bounds are halved here too.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final

from postroom.blobs.damage import BlobCorrupt
from postroom.blobs.store import BlobStore
from postroom.db.database import Database, Tx
from postroom.message.scan import scan
from postroom.policy import knowledge, lessons, repute_rows
from postroom.policy.knowledge import EVERYBODY, Lesson
from postroom.policy.lessons import Waiting
from postroom.policy.tokens import MAX_SAMPLE, tokens
from postroom.telemetry.trouble import quietly

PAUSE_SECONDS: Final = 5.0  # between two looks
TENDED_EVERY: Final = 500  # lessons, from one look at the bounds to the next
REST: Final = 2  # times as long as a lesson took

Sleep = Callable[[float], Awaitable[None]]


def lesson(head: bytes, sample: bytes, *, is_spam: bool) -> Lesson:
    """Of a message: its header block and the beginning of its body."""
    sample = sample[:MAX_SAMPLE]
    read = tokens(head, scan(head + sample), sample)
    return Lesson(read.digest, tuple(read.names), is_spam)


def learn(tx: Tx, account_id: int, one: Lesson, now: int, *, together: bool) -> bool:
    """Learn for an account and, ``together``, for all; False when it was known already."""
    scopes = [EVERYBODY, account_id] if together and account_id else [account_id]
    learned = [knowledge.learn(tx, scope, one, now) for scope in scopes]
    return any(learned)


async def tend(db: Database, scopes: Collection[int]) -> None:
    """Halve what has grown beyond its bounds, slice by slice."""
    for scope in scopes:
        if await db.read(partial(knowledge.is_full, scope=scope)):
            more = True
            while more:
                more = await db.write(partial(knowledge.halve, scope=scope), bulk=True)


async def forget(db: Database, scope: int) -> int:
    """Forget what a scope has learned, and whom it writes to; how many lessons it was."""
    await db.write(partial(repute_rows.forget, account_id=scope), bulk=True)
    while await db.write(partial(knowledge.drop_tokens, scope=scope), bulk=True):
        pass
    return await db.write(partial(knowledge.forget, scope=scope), bulk=True)


class Teacher:
    """Of one server; ``run`` it until it is cancelled."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        clock: Callable[[], int],
        *,
        together: bool,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """``together``: what one account teaches counts for all."""
        self._db = db
        self._blobs = blobs
        self._clock = clock
        self._together = together
        self._sleep = sleep
        self._untended = TENDED_EVERY  # so the first lesson looks at the bounds

    async def run(self) -> None:
        """Look, learn, rest; a database that fails is asked again later."""
        while True:
            await quietly("spam filter", self._rounds)
            await self._sleep(PAUSE_SECONDS)

    async def _rounds(self) -> None:
        while await self.round():
            pass

    async def round(self) -> int:
        """Learn some of what waits; how much that was."""
        found = await self._db.read(lessons.waiting)
        if not found:
            if await self._db.read(lessons.count):
                await self._db.write(lessons.drop_orphans, bulk=True)
            return 0
        for one in found:
            began = time.monotonic()
            await self._settle(one)
            await self._sleep(REST * (time.monotonic() - began))
        self._untended += len(found)
        if self._untended >= TENDED_EVERY:
            self._untended = 0
            await tend(self._db, {EVERYBODY, *(one.account_id for one in found)})
        return len(found)

    async def _settle(self, found: Waiting) -> None:
        try:
            head = await self._blobs.head(self._db, found.blob_id)
            sample = await self._blobs.body(self._db, found.blob_id, 0, MAX_SAMPLE)
        except BlobCorrupt:  # told already; there is nothing to be learned
            await self._db.write(lambda tx: lessons.done(tx, found), bulk=True)
            return
        made = await asyncio.to_thread(lesson, head, sample, is_spam=found.is_spam)
        now = self._clock()

        def work(tx: Tx) -> None:
            learn(tx, found.account_id, made, now, together=self._together)
            lessons.done(tx, found)

        await self._db.write(work, bulk=True)
