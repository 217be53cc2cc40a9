"""Blob, mailboxes, queue and ledger of a letter: durable together, or not there at all.

``commit`` returns once everything is on stable storage; only then may anybody be told 250.
Whatever waits at that moment goes in one transaction (group commit). When it raises,
nothing is left and nothing will appear later, also when the outcome was unknown at first
(RFC 5321 §4.2.5): then the database runs ``_undo`` before any other write.

| step | a crash after it leaves |
|---|---|
| body file written, synced, renamed | a file without a row; ``blobs.sweep`` finds it |
| filed, blob, queued, told: rows of the batch | the same |
| committed: on stable storage, nobody was woken | the letter, whole; its client was not told 250 |

So a letter may come twice at worst (its client sends it again), and is never lost.

The ids of all rows are in the letter. When a letter comes twice (an answer was lost), the
second time changes nothing and answers what the first one did.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Protocol

from postroom.blobs.files import Step
from postroom.blobs.prepared import IN_FRAMES, Prepared
from postroom.blobs.store import BlobStore
from postroom.db.database import ConstraintFailed, Database, Tx
from postroom.directory import masks
from postroom.errors import MailError, StorageFailed, Temporary
from postroom.ledger import rows as ledger
from postroom.notify import Notify
from postroom.post.letter import Letter
from postroom.queue import changes, rows as queue, submissions
from postroom.store import rejects, removal, usage
from postroom.store.filing import Filed, already_filed, file_letters
from postroom.store.removal import Removal
from postroom.store.spans import Span
from postroom.store.store import account_key
from postroom.telemetry import sink
from postroom.telemetry.events import MailboxWarned

Answer = list[Filed] | MailError


class Expunged(Temporary):
    """The message that was to be replaced is gone."""

    text = "The message has just been expunged by somebody else"


class Express(Protocol):
    """Who may send letters on as soon as they are durable; see ``delivery.express``."""

    def admit(self, letter: Letter) -> Letter:
        """The letter, claimed when it is to be taken; else as it is."""

    def take(self, letter: Letter) -> None:
        """A letter that was admitted is durable now."""


def _together(blobs: Sequence[tuple[Prepared, int]]) -> list[tuple[Prepared, int]]:
    """Each blob once, with the references of all letters that share it."""
    found: dict[int, tuple[Prepared, int]] = {}
    for blob, count in blobs:
        found[blob.id] = blob, count + found.get(blob.id, (blob, 0))[1]
    return list(found.values())


class Post:
    """Hands letters to the database and wakes who waits for them. Used on one loop."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        notify: Notify,
        clock: Callable[[], int],
        *,
        step: Step = lambda _name: None,
        warned: Callable[[Collection[tuple[int, int]]], None] = lambda _due: None,
    ) -> None:
        """``step`` learns each step: tests crash there.

        ``warned`` gets (account, percent) of those whose mailbox is nearly full now.
        """
        self._db = db
        self._blobs = blobs
        self._notify = notify
        self._clock = clock
        self._step = step
        self._near_quota = warned
        self._batch: Callable[[Tx, Sequence[Letter]], list[Answer]] = self.write
        self._replacing: Callable[[Tx, Sequence[Letter]], list[Answer]] = self._replace
        self.express: Express | None = None  # handed in once there is delivery
        self._changed: set[int] = set()
        self._warned: dict[tuple[int, int], str] = {}

    async def commit(self, letter: Letter) -> list[Filed]:
        """Make the letter ours: where each of its copies is. Raises MailError."""
        if self.express is not None and letter.content is not None:
            letter = self.express.admit(letter)
        batch = self._batch
        undo: Callable[[Tx], None] | None = partial(self._undo, letter)
        if letter.replaced is not None:  # to undo it would lose the old message and the new one
            batch, undo = self._replacing, None
        try:
            filed: list[Filed] = await self._db.submit(batch, letter, size=letter.weight, undo=undo)
        except ConstraintFailed as error:
            filed = await self._committed_before(letter, error)
        except StorageFailed:
            for blob in letter.blobs:
                await self._blobs.inserted(blob)
            raise  # perhaps the row is there for a moment yet: its body stays for the sweep
        except Exception:
            await self.discard(*letter.blobs)
            raise
        if len(letter.blobs) > 1 or letter.blob.place == IN_FRAMES:
            for blob in letter.blobs:
                await self._blobs.inserted(blob)
        if not letter.references:  # nobody wants it: the ledger tells that it was here
            await self.discard(letter.blob)
        self._step("committed")
        self.announce(letter, filed)
        return filed

    def write(self, tx: Tx, letters: Sequence[Letter]) -> list[Answer]:
        """All rows of these letters: for each where its copies are, or why it was refused.

        For a transaction of somebody else, who calls ``announce`` once it is committed.
        """
        now = self._clock()
        answers: list[Answer] = list(file_letters(tx, [one.copies for one in letters], now))
        self._step("filed")
        good = [
            (letter, answer)
            for letter, answer in zip(letters, answers, strict=True)
            if isinstance(answer, list)
        ]
        good += [(one, []) for letter, _ in good for one in letter.also]
        if good:
            blobs = [(one.blob, one.references) for one, _ in good if one.references]
            if len(good) > len(letters):
                blobs = _together(blobs)
            blobs += [(blob, 1) for letter, _ in good for blob in letter.more]
            self._blobs.insert(tx, blobs)
            named = Counter[int]()
            for one, _ in good:
                if one.named:
                    named[one.named] += one.rows
            self._blobs.retain(tx, named)
            self._step("blob")
            queued = [letter.queued for letter, _ in good if letter.queued is not None]
            if queued:
                outgoing = [one for letter, _ in good for one in letter.outgoing]
                queue.add(tx, queued, outgoing)
                self._step("queued")
            kept = [one for letter, _ in good for one in letter.rejects]
            if kept:
                rejects.add(tx, self._blobs, kept, now)
            submitted = [one.submitted for one, _ in good if one.submitted is not None]
            if submitted:
                submissions.add(tx, submitted)
            masked = [ident for letter, _ in good for ident in letter.masks]
            if masked:
                masks.used(tx, masked, now)
            ledger.add(
                tx,
                [letter.entry for letter, _ in good if letter.entry is not None],
                [fact for letter, filed in good for fact in letter.told(filed)],
            )
            self._step("told")
        return answers

    def _replace(self, tx: Tx, letters: Sequence[Letter]) -> list[Answer]:
        """``write`` for letters that each replace a message, which must be there yet."""
        now = self._clock()
        answers: list[Answer] = []
        for letter in letters:
            order = letter.replaced
            if order is None:
                raise ValueError("the letter replaces nothing")
            usage.lock(tx, order.account_id, now)
            if removal.next_chunk(tx, order.mailbox_id, order.span, flagged=False) is None:
                answers.append(already_filed(tx, letter.copies) or Expunged())
                continue
            answers += self.write(tx, [letter])
            if isinstance(answers[-1], list):
                removal.expunge(tx, self._blobs, order, now)
        return answers

    def _undo(self, letter: Letter, tx: Tx) -> None:
        """Remove what a commit of unknown outcome may have left; it may find nothing."""
        now = self._clock()
        filed = already_filed(tx, letter.copies) if letter.copies else None
        for copy, place in zip(letter.copies, filed or (), strict=False):
            span = Span(place.uid, place.uid)
            removal.expunge(tx, self._blobs, Removal(copy.account_id, place.mailbox_id, span), now)
        together = (letter, *letter.also)
        queued = [one.queued.id for one in together if one.queued is not None]
        if queued:
            changes.remove(tx, self._blobs, queued, now)
        rejects.remove(tx, self._blobs, [one.id for one in letter.rejects], now)
        if letter.submitted is not None:
            submissions.withdraw(tx, [letter.submitted.id])
        for one in together:
            if one.entry is not None:
                ledger.remove(tx, one.entry.id)

    async def _committed_before(self, letter: Letter, error: ConstraintFailed) -> list[Filed]:
        """The answer of the first commit of this letter; raises when there was none."""

        def look(tx: Tx) -> list[Filed] | None:
            if letter.entry is not None and ledger.entry(tx, letter.entry.id) is None:
                return None
            if letter.copies:
                return already_filed(tx, letter.copies)
            if letter.entry is None and letter.rejects:
                first = letter.rejects[0]
                return None if rejects.named(tx, first.account_id, first.id) is None else []
            return [] if letter.entry is not None else None

        filed = await self._db.read(look)
        if filed is None:
            await self.discard(*letter.blobs)
            raise StorageFailed(detail=str(error)) from error
        return filed

    async def discard(self, *blobs: Prepared) -> None:
        """Remove the body files of a letter that was refused, or that nobody will commit."""
        await self._blobs.discard(*blobs)

    def announce(self, letter: Letter, filed: Sequence[Filed]) -> None:
        """Wake sessions and workers, once for all letters of a batch."""
        for place in filed:
            self._change(place.mailbox_id)
            if place.is_made:
                self._change(account_key(place.account_id))
        if letter.replaced is not None:
            self._change(letter.replaced.mailbox_id)
        if letter.also or (letter.outgoing and letter.outgoing[0].lease is None):
            self._change(queue.NOTIFY_KEY)
        if letter.outgoing and letter.outgoing[0].lease is not None and self.express is not None:
            self.express.take(letter)
        for copy, place in zip(letter.copies, filed, strict=True):
            if place.warning:
                self._warned[place.account_id, place.warning] = copy.recipient

    def _change(self, key: int) -> None:
        """Tell of it when this round of the loop is over."""
        if not self._changed:
            asyncio.get_running_loop().call_soon(self._publish)
        self._changed.add(key)

    def _publish(self) -> None:
        changed, self._changed = self._changed, set()
        warned, self._warned = self._warned, {}
        self._notify.publish(changed)
        for (account_id, percent), recipient in warned.items():
            sink.emit(MailboxWarned(account=recipient or str(account_id), percent=percent))
        if warned:
            self._near_quota(warned.keys())
