"""APPEND: a person puts messages into a mailbox, all of them or none.

The messages come one after the other, each in blocks (``incoming``), and go into one
transaction at the end; until then nothing of them can be seen. Mailbox, size, quota and
the reserve of the disk are checked before the client sends anything, the quota again in the
commit. They go through
``post`` without a ledger entry: nobody sent them to us.

Of all messages of one command together little is held in memory: beyond ``MAX_HELD``
octets their bodies go into files, however small, and beyond ``MAX_ROWS`` octets of what
can only be in rows there is a refusal.

A message may take the place of another one in the same transaction (RFC 8508).

RFC 3501 §6.3.11, RFC 3502 (MULTIAPPEND), RFC 4315 §3 (APPENDUID), RFC 7889
(APPENDLIMIT).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from postroom.access import rights as letters, teaching
from postroom.access.incoming import Arrived, Incoming
from postroom.access.places import Labels, Place
from postroom.access.view import View
from postroom.blobs.store import Prepared
from postroom.errors import Invalid, NotFound, Permanent
from postroom.post.commit import Expunged, Post
from postroom.post.letter import Letter
from postroom.quota import NO_QUOTA
from postroom.store import listing, usage
from postroom.store.filing import Copy, MailboxGone
from postroom.store.removal import Removal
from postroom.store.spans import Span
from postroom.store.store import Store
from postroom.store.usage import Usage

MAX_MESSAGES: Final = 1000  # of one command
MAX_PARTS: Final = 1000  # of one message
MAX_TOTAL: Final = 1 << 30  # octets of all its messages, when there are several
MAX_HELD: Final = 4 << 20
MAX_ROWS: Final = 16 << 20


class TooBig(Permanent):
    """A message is above the limit for one."""

    code = 552
    status = "5.3.4"


class Appended(msgspec.Struct, frozen=True):
    """Where the messages are now: APPENDUID (RFC 4315 §3); ``uids`` in their order."""

    mailbox_id: int
    uidvalidity: int
    uids: list[int]
    has_replaced: bool = False


class Appender:
    """One APPEND at a time.

    ``begin``, then for each message ``message``, ``expect`` and ``write``; at last ``finish``
    or ``abort``.
    """

    def __init__(self, store: Store, post: Post, *, max_message: int = 0) -> None:
        """``max_message`` in octets, 0 is none."""
        self._store = store
        self._post = post
        self._max_message = max_message
        self._reset()

    def _reset(self) -> None:
        self._place: Place | None = None
        self._quota = NO_QUOTA
        self._used = Usage(0, 0)
        self._incoming: Incoming | None = None
        self._labels = Labels(0, "")
        self._received = 0
        self._expected = self._parts = 0  # octets of this message, and how many parts
        self._total = 0  # octets of all messages
        self._blobs: list[Prepared] = []
        self._copies: list[Copy] = []
        self._held = self._rows = 0
        self._replaced: Removal | None = None
        self._freed = Usage(0, 0)  # what is replaced, where it counts for the same quota

    async def begin(self, place: Place, *, replacing: tuple[View, int] | None = None) -> None:
        """Messages for this mailbox will come. Raises NotAllowed.

        ``replacing`` a message (of a view, with its UID): it goes when the new one comes.
        Raises Expunged when there is no such message.
        """
        await self.abort()
        place.require(letters.INSERT)
        if replacing is not None:
            await self._find(*replacing, place)
        account_id = place.mailbox.account_id
        self._quota = await self._store.quota_of(account_id)
        if self._quota:
            used = await self._store.usage(account_id)
            self._used = Usage(
                used.octets - self._freed.octets, used.messages - self._freed.messages
            )
        self._place = place

    async def message(self, flags: int, keywords: Iterable[str], received: int) -> None:
        """Another message begins; ``received`` is its INTERNALDATE.

        Raises Refused for what is wrong with the one before, Permanent when there are too
        many, MailError.
        """
        if self._place is None:
            raise Invalid("nothing was begun")
        await self._end_message()
        if len(self._copies) == MAX_MESSAGES:
            raise Permanent(f"One APPEND takes {MAX_MESSAGES} messages, send the rest in another")
        self._labels = self._place.labels(flags, keywords)
        self._received = received
        self._incoming = Incoming(self._store.blobs)
        self._expected = self._parts = 0

    async def expect(self, size: int, *, is_binary: bool = False) -> None:
        """Check what can be checked before so many octets of the message come.

        ``is_binary``: see ``Incoming.expect_binary``. Raises TooBig, Permanent above the limits
        of the command, MailboxFull, StorageFull.
        """
        if self._incoming is not None and is_binary:
            self._incoming.expect_binary()
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise Permanent(f"One message takes {MAX_PARTS} parts, put some together")
        self._expected += size
        self._total += size
        if 0 < self._max_message < self._expected:
            raise TooBig(f"The message is above the limit of {self._max_message} octets")
        if self._copies and self._total > MAX_TOTAL:
            raise Permanent(f"One APPEND takes {MAX_TOTAL} octets, send the rest in another")
        self._store.blobs.disk.require(self._total)
        usage.refuse_above(self._quota, self._used, self._total, len(self._copies) + 1)

    async def write(self, block: bytes) -> None:
        """The next octets of the message."""
        if self._incoming is not None:
            await self._incoming.write(block)

    async def finish(self) -> Appended:
        """File the messages.

        Raises Refused for the last message, NotFound when the mailbox was deleted
        meanwhile, Expunged when what is to be replaced was, MailError.
        """
        place, replaced = self._place, self._replaced
        try:
            await self._end_message()
            if place is None or not self._copies:
                raise Invalid("nothing was begun")
            copies = self._copies
            if self._quota:
                room = sum(copy.size for copy in copies) - self._freed.octets
                in_place = self._freed.messages > 0
                copies = [
                    msgspec.structs.replace(copy, room=room, takes_place=in_place)
                    for copy in copies
                ]
            blob, *more = self._blobs
            self._blobs = []  # from here on they are the commit's
            try:
                letter = Letter(
                    blob=blob, copies=tuple(copies), more=tuple(more), replaced=replaced
                )
                filed = await self._post.commit(letter)
            except MailboxGone:
                raise NotFound(f"the mailbox {place.name!r} has just been deleted") from None
        finally:
            await self.abort()
        uids = [one.uid for one in filed]
        await teaching.by_appending(self._store, place.mailbox, uids)
        return Appended(place.mailbox.id, filed[0].uidvalidity, uids, replaced is not None)

    async def abort(self) -> None:
        """Forget all that has come so far."""
        incoming, blobs = self._incoming, self._blobs
        self._reset()
        if incoming is not None:
            await incoming.abort()
        if blobs:
            await self._post.discard(*blobs)

    async def _find(self, view: View, uid: int, place: Place) -> None:
        """The message that is to be replaced."""
        view.check_removable()
        found = await self._store.read(listing.page, view.mailbox_id, Span(uid, uid))
        if not found:
            raise Expunged
        self._replaced = self._store.removal_of(view.account_id, view.mailbox_id, uid)
        if view.account_id == place.mailbox.account_id:
            self._freed = Usage(found[0][4], 1)

    async def _end_message(self) -> None:
        """The message in progress is complete."""
        incoming = self._incoming
        if incoming is None or self._place is None:
            return
        arrived = await incoming.finish(apart=self._held > MAX_HELD)
        self._incoming = None
        blob, indexed = arrived.blob, arrived.indexed
        self._blobs.append(blob)
        self._held += len(blob.body or b"")
        self._rows += len(blob.head) + len(indexed.envelope) + len(indexed.bodystructure)
        if self._rows > MAX_ROWS:
            raise Permanent("One APPEND can't take so many long headers, send fewer messages")
        self._copies.append(self._copy(self._place, arrived))

    def _copy(self, place: Place, arrived: Arrived) -> Copy:
        ident = self._store.ids.next()
        return Copy(
            account_id=place.mailbox.account_id,
            mailbox=place.mailbox.id,
            message_id=ident,
            blob_id=arrived.blob.id,
            prefix=b"",
            received=self._received,
            size=arrived.size,
            envelope=arrived.indexed.envelope,
            bodystructure=arrived.indexed.bodystructure,
            thread_id=arrived.indexed.thread_id(ident),
            flags=self._labels.flags,
            keywords=self._labels.keywords,
            quota=self._quota,
            seen_by=self._labels.seen_by,
            name=place.mailbox.name if place.member is None else "",
        )
