"""Writes what came of a message: queue, ledger and notice in one transaction.

A bounce and the end of its delivery are one commit: neither can be there without the other
(RFC 5321 §6.1). Whatever finishes at the same moment goes in one group commit. While the
database fails, results are kept and tried again: another server has the message already,
and only a crash meanwhile sends it a second time.
"""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from postroom.blobs.store import BlobStore
from postroom.config.suppression import Suppression
from postroom.db.database import Database, Tx
from postroom.delivery.finisher import Finished, Sleep, until_written
from postroom.errors import MailError
from postroom.ledger import rows as ledger
from postroom.post.commit import Answer, Post
from postroom.post.letter import Letter
from postroom.post.suppression import Cause, fill
from postroom.queue import claims, patience
from postroom.queue.claimed import Recipient
from postroom.queue.settling import settle
from postroom.telemetry import sink
from postroom.telemetry.events import RecipientSuppressed


class Result(Finished, frozen=True):
    """With those who are told, or where it was filed.

    ``letters`` are committed with it: notices, copies filed here; none of them when all its
    recipients were removed or taken over meanwhile. ``is_filing``: the first of them is the
    delivery itself. ``warned``: those whose sender is told of a delay by one of the letters.
    ``causes``: recipients that nobody should write to again.
    ``is_quarantined``: whatever is left of the message is put aside.
    """

    letters: tuple[Letter, ...] = ()
    warned: tuple[Recipient, ...] = ()
    causes: tuple[Cause, ...] = ()
    is_filing: bool = False
    is_quarantined: bool = False


class NotFiled(Exception):
    """A letter that was to be filed here was refused; nothing of its result is written."""

    def __init__(self, reason: MailError) -> None:
        self.reason = reason
        super().__init__(str(reason))


class Written(msgspec.Struct, frozen=True):
    """``done``: the numbers of recipients that left the queue. ``answers``: of the letters.

    ``suppressed``: what to tell of those that came onto a list.
    """

    done: frozenset[int]
    answers: tuple[Answer, ...]
    suppressed: tuple[RecipientSuppressed, ...] = ()


class Settler:
    """Writes what came of deliveries, for the whole process."""

    def __init__(
        self,
        db: Database,
        post: Post,
        blobs: BlobStore,
        clock: Callable[[], int],
        *,
        suppression: Suppression,
        hint: Callable[[], None],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """``hint``: the directory has changed; ``suppression``: what fills the lists."""
        self._suppression = suppression
        self._hint = hint
        self._db = db
        self._post = post
        self._blobs = blobs
        self._clock = clock
        self._sleep = sleep
        self._batch: Callable[[Tx, Sequence[Result]], list[Written]] = self._write

    async def settle(self, result: Result) -> Written:
        """Durable when it returns. Tries for as long as the database fails.

        Raises NotFiled.
        """
        try:
            written, is_certain = await self._submitted(result)
        except NotFiled:
            await self._discard(result.letters)
            raise
        if not written.answers and is_certain:
            await self._discard(result.letters)
        if written.suppressed:
            self._hint()
        for event in written.suppressed:
            sink.emit(event)
        for letter, answer in zip(result.letters, written.answers, strict=False):
            if isinstance(answer, list):
                for blob in letter.blobs:
                    await self._blobs.inserted(blob)
                if not letter.references:
                    await self._post.discard(letter.blob)
                self._post.announce(letter, answer)
            else:
                await self._discard([letter])
        return written

    async def _discard(self, letters: Sequence[Letter]) -> None:
        """Nobody commits these: their body files go."""
        for letter in letters:
            await self._post.discard(*letter.blobs)

    async def _submitted(self, result: Result) -> tuple[Written, bool]:
        """With False when an attempt before may have written it unbeknown to us."""
        size = sum([one.weight for one in result.letters])
        return await until_written(self._db, self._batch, result, size=size, sleep=self._sleep)

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
                if results[place].is_filing and not answers[place]:
                    _require(answer)
                answers[place].append(answer)
        warned = [recipient for one in results for recipient in one.warned]
        if warned:
            patience.warn(tx, warned)
        claims.quarantine(tx, [one.settled.queued_id for one in results if one.is_quarantined])
        ledger.note(tx, [fact for one in results for fact in one.facts])
        return [
            Written(frozenset(gone), tuple(mine), self._suppressed(tx, one) if gone else ())
            for one, gone, mine in zip(results, done, answers, strict=True)
        ]

    def _suppressed(self, tx: Tx, result: Result) -> tuple[RecipientSuppressed, ...]:
        told = [fill(tx, self._suppression, cause) for cause in result.causes]
        return tuple([one for one in told if one is not None])


def _require(answer: Answer) -> None:
    """The transaction is taken back when the delivery itself was refused."""
    if isinstance(answer, MailError):
        raise NotFiled(answer)
