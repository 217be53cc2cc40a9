"""The store: the state packages' functions, run on the database, with wake-ups after.

``read`` and ``write`` run one of the functions of this package in a transaction. What
changes a mailbox is followed by ``wake``, so that idle sessions look. The work that is
more than one transaction (deleting a mailbox, expunging many messages) stands here.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, ParamSpec, TypeVar

from postroom.blobs.store import BlobStore
from postroom.db.database import Database, Tx
from postroom.db.ids import Ids
from postroom.notify import Notify
from postroom.quota import NO_QUOTA, Quota
from postroom.store import (
    expiry,
    expunged,
    imported,
    mailboxes,
    memory,
    purge,
    rejects,
    removal,
    restoring,
    sweeps,
    textindex,
    uploads,
    usage,
    vanished,
)
from postroom.store.expiry import Expiry
from postroom.store.purge import NEVER, Purged
from postroom.store.removal import Removal
from postroom.store.restoring import Restoration, Restored
from postroom.store.spans import Span
from postroom.store.usage import Usage

P = ParamSpec("P")
T = TypeVar("T")

QuotaOf = Callable[[int], Awaitable[Quota]]


def account_key(account_id: int) -> int:
    """The key of ``notify`` for what is an account's own, whoever has the mailbox.

    Its names and subscriptions, and what it has seen of mailboxes that others share with it.
    """
    return -account_id


async def _no_quota(_account_id: int) -> Quota:
    return NO_QUOTA


class Store:
    """The mailboxes of every account. ``quota_of`` asks the directory."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        ids: Ids,
        clock: Callable[[], int],
        notify: Notify,
        quota_of: QuotaOf = _no_quota,
        *,
        keeps_expunged: bool = False,
    ) -> None:
        """With ``keeps_expunged`` copies of what is deleted can be had back."""
        self.db = db
        self.blobs = blobs
        self.ids = ids
        self.clock = clock
        self.notify = notify
        self.quota_of = quota_of
        self.renamings = 0  # how often names of mailboxes have changed in this process
        self.learns = False  # whether what people do with Junk is noted for the spam filter
        self._keeps = ids if keeps_expunged else None

    async def read(
        self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a function of this package in a read transaction."""
        return await self.db.read(lambda tx: fn(tx, *args, **kwargs))

    async def write(
        self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run it in a write transaction; it is on stable storage afterwards."""
        return await self.db.write(lambda tx: fn(tx, *args, **kwargs))

    async def write_bulk(
        self, fn: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same in the lower lane: for one chunk of long work."""
        return await self.db.write(lambda tx: fn(tx, *args, **kwargs), bulk=True)

    def wake(self, *mailbox_ids: int) -> None:
        """Tell the sessions that look at these mailboxes that something has changed."""
        self.notify.publish(mailbox_ids)

    def wake_names(self, account_id: int) -> None:
        """Tell the sessions that watch an account that its list of mailboxes has changed."""
        self.renamings += 1
        self.notify.publish([account_key(account_id)])

    async def usage(self, account_id: int) -> Usage:
        """What the account's mail weighs."""
        return await self.read(usage.usage_of, account_id)

    async def is_full(self, account_id: int, quota: Quota) -> bool:
        """True when a letter for this account would be refused; without quota nobody is asked."""
        if not quota:
            return False
        used = await self.usage(account_id)
        return usage.is_above(quota, Usage(used.octets + 1, used.messages + 1))

    async def furnish(self, account_id: int) -> None:
        """Make the mailboxes of a new account (once; a read afterwards)."""
        if not await self.read(mailboxes.is_furnished, account_id):
            ids = [self.ids.next() for _ in mailboxes.SPECIAL_USES]
            await self.write(mailboxes.furnish, account_id, ids, self.clock())

    async def delete_mailbox(self, account_id: int, name: str) -> None:
        """Delete a mailbox with its messages; those below it stay."""
        mailbox_id = await self.write(mailboxes.bury, account_id, name, self.clock())
        self.wake(mailbox_id)
        await self._empty(account_id, mailbox_id)

    async def finish_deletions(self) -> int:
        """Finish what a crash has interrupted; how many mailboxes. For the start."""
        left = await self.read(mailboxes.buried)
        for account_id, mailbox_id in left:
            await self._empty(account_id, mailbox_id)
        return len(left)

    async def forget_expunges(self) -> int:
        """Keep the latest expunges of each mailbox only; of how many some were forgotten."""
        count = after = 0
        while True:
            found, after = await self.read(vanished.overfull, after)
            for mailbox_id, modseq in found:
                while not await self.write_bulk(vanished.forget, mailbox_id, modseq):
                    pass
            count += len(found)
            if not after:
                return count

    async def settle_sweeps(self) -> None:
        """Write into rows what was swept, so that reading is as quick as ever."""
        while await self.read(sweeps.next_swept) is not None:
            await self.write_bulk(sweeps.settle_some)

    async def remove_account(self, account_id: int) -> None:
        """Delete every mailbox of an account that the directory no longer has, for good."""
        for mailbox_id in await self.write(mailboxes.bury_all, account_id, self.clock()):
            self.wake(mailbox_id)
            await self._empty(account_id, mailbox_id)
        while copies := await self.read(
            expunged.oldest, account_id, expunged.Chosen(), limit=removal.CHUNK
        ):
            await self.purge(account_id, [copy.id for copy in copies])
        await self.write(rejects.forget_account, self.blobs, account_id, self.clock())
        await self.write(uploads.forget_account, self.blobs, account_id, self.clock())
        await self.write(memory.forget_account, account_id)
        await self.write(imported.forget_account, account_id)
        await self.forget_texts(account_id)
        await self.write(mailboxes.forget_account, account_id)

    async def forget_texts(self, account_id: int) -> None:
        """Drop what the search index holds of an account, chunk by chunk."""
        while not await self.write_bulk(textindex.retreat, account_id):
            pass

    async def expunge(self, account_id: int, mailbox_id: int, span: Span, *, flagged: bool) -> int:
        r"""Expunge a span (only \\Deleted if ``flagged``) chunk by chunk; how many went."""
        if await self.read(removal.next_chunk, mailbox_id, span, flagged=flagged) is None:
            return 0
        removed = 0
        while True:
            run = self.write_bulk if removed else self.write
            order = Removal(account_id, mailbox_id, span, flagged, self._keeps)
            chunk = await run(removal.expunge, self.blobs, order, self.clock())
            removed += chunk.messages if chunk else 0
            if chunk is None or chunk.messages < removal.CHUNK or chunk.span.last == span.last:
                break
            span = Span(chunk.span.last + 1, span.last, span.listed)
        self.wake(mailbox_id)
        return removed

    async def expire(self, order: Expiry) -> int:
        """Expunge what has been in a mailbox for too long, chunk by chunk; how many went."""
        removed = after = 0
        while True:
            page = await self.read(expiry.page, order, after)
            if page.uids:
                page = await self.write_bulk(
                    expiry.expire, self.blobs, order, after, self.clock(), self._keeps
                )
                removed += len(page.uids)
            after = page.after
            if not after:
                break
        if removed:
            self.wake(order.mailbox_id)
        return removed

    def removal_of(self, account_id: int, mailbox_id: int, uid: int) -> Removal:
        """The order to expunge one message, for a transaction of somebody else."""
        return Removal(account_id, mailbox_id, Span(uid, uid), keeps=self._keeps)

    async def restore(self, account_id: int, order: Restoration) -> Restored:
        """Put copies back into mailboxes: see ``restoring.restore``."""
        restored = await self.write_bulk(
            restoring.restore, self.ids, account_id, order, self.clock()
        )
        self.wake(*restored.mailboxes)
        return restored

    async def purge(self, account_id: int, copies: Sequence[int]) -> Purged:
        """End at most ``expunged.MOST_NAMED`` copies of an account."""
        return await self.write_bulk(purge.purge, self.blobs, account_id, copies, self.clock())

    async def purge_oldest(self, *, before: int = NEVER, octets: int = 0) -> Purged:
        """End copies expunged before then, the oldest first; with ``octets`` until so many go."""
        total = Purged()
        while True:
            done = await self.write_bulk(
                purge.purge_oldest,
                self.blobs,
                self.clock(),
                before=before,
                octets=octets and octets - total.octets,
            )
            total += done
            if not done.messages or (octets and total.octets >= octets):
                return total

    async def _empty(self, account_id: int, mailbox_id: int) -> None:
        while not await self.write_bulk(
            removal.empty, self.blobs, account_id, mailbox_id, self.clock(), self._keeps
        ):
            pass
