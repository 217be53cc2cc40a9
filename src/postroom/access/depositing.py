"""A message that a person puts into several mailboxes of one account at once (RFC 8621 §4.6).

It comes in blocks, as one that is appended does (``incoming``), and is one message with an entry in
each mailbox, all made in one transaction: until then nothing of it can be seen. Size, quota and the
reserve of the disk are checked before it comes, the quota again in the commit.
"""

from collections.abc import Collection, Sequence

import msgspec

from postroom.access import rights as letters, teaching
from postroom.access.append import TooBig
from postroom.access.incoming import Arrived, Incoming
from postroom.access.places import Place
from postroom.errors import NotAllowed, NotFound
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.quota import NO_QUOTA, Quota
from postroom.store import usage
from postroom.store.filing import Copy, Filed, MailboxGone
from postroom.store.store import Store


class Deposited(msgspec.Struct, frozen=True):
    """The message as it is now; ``size`` in octets."""

    message_id: int
    blob_id: int
    thread_id: int
    size: int
    filed: tuple[Filed, ...]


class Deposit:
    """One message: ``begin``, ``write``.., then ``finish`` or ``abort``."""

    def __init__(self, store: Store, post: Post, *, max_message: int = 0) -> None:
        """``max_message`` in octets, 0 is none."""
        self._store = store
        self._post = post
        self._max_message = max_message
        self._places: Sequence[Place] = ()
        self._quota: Quota = NO_QUOTA
        self._incoming: Incoming | None = None
        self._size = 0

    async def begin(self, places: Sequence[Place], size: int) -> None:
        """A message of about so many octets will come for these mailboxes.

        Raises NotAllowed, TooBig, MailboxFull, StorageFull.
        """
        for place in places:
            place.require(letters.INSERT)
        self._check(size)
        self._store.blobs.disk.require(size)
        account_id = places[0].mailbox.account_id
        self._quota = await self._store.quota_of(account_id)
        if self._quota:
            used = await self._store.usage(account_id)
            usage.refuse_above(self._quota, used, size * len(places), len(places))
        self._places = places
        self._incoming = Incoming(self._store.blobs)

    async def write(self, block: bytes) -> None:
        """The next octets. Raises TooBig."""
        self._size += len(block)
        self._check(self._size)
        if self._incoming is not None:
            await self._incoming.write(block)

    async def finish(self, flags: int, keywords: Collection[str], received: int) -> Deposited:
        """File the message with these flags; ``received`` is its INTERNALDATE.

        Raises NotAllowed for flags that the person may not set there, Refused for what is wrong
        with the octets, NotFound when a mailbox was deleted meanwhile, MailError.
        """
        incoming = self._incoming
        if incoming is None:
            raise ValueError("nothing was begun")
        check_labels(self._places, flags, keywords)
        try:
            arrived = await incoming.finish()
            self._incoming = None
        finally:
            await self.abort()
        copies = self._copies(arrived, flags, keywords, received)
        try:
            filed = await self._post.commit(Letter(blob=arrived.blob, copies=copies))
        except MailboxGone:
            raise NotFound("the mailbox has just been deleted") from None
        for place, one in zip(self._places, filed, strict=True):
            await teaching.by_appending(self._store, place.mailbox, [one.uid])
        first = copies[0]
        return Deposited(
            first.message_id, first.blob_id, first.thread_id, arrived.size, tuple(filed)
        )

    async def abort(self) -> None:
        """Leave nothing behind."""
        incoming, self._incoming = self._incoming, None
        if incoming is not None:
            await incoming.abort()

    def _check(self, size: int) -> None:
        if 0 < self._max_message < size:
            raise TooBig(f"The message is above the limit of {self._max_message} octets")

    def _copies(
        self, arrived: Arrived, flags: int, keywords: Collection[str], received: int
    ) -> tuple[Copy, ...]:
        ident = self._store.ids.next()
        found = []
        for place in self._places:
            labels = place.labels(flags, keywords)
            found.append(
                Copy(
                    account_id=place.mailbox.account_id,
                    mailbox=place.mailbox.id,
                    message_id=ident,
                    blob_id=arrived.blob.id,
                    prefix=b"",
                    received=received,
                    size=arrived.size,
                    envelope=arrived.indexed.envelope,
                    bodystructure=arrived.indexed.bodystructure,
                    thread_id=arrived.indexed.thread_id(ident),
                    flags=labels.flags,
                    keywords=labels.keywords,
                    quota=self._quota,
                    seen_by=labels.seen_by,
                    room=arrived.size * len(self._places) if self._quota else 1,
                    name=place.mailbox.name if place.member is None else "",
                )
            )
        return tuple(found)


def check_labels(places: Sequence[Place], flags: int, keywords: Collection[str]) -> None:
    """Raises NotAllowed for flags and keywords that the person may not set in a mailbox."""
    for place in places:
        if flags & ~letters.flag_mask(place.rights):
            raise NotAllowed(f"you may not set these flags in {place.name!r}")
        if keywords and letters.WRITE not in place.rights:
            raise NotAllowed(f"you may not set keywords in {place.name!r}")
