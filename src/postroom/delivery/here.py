"""Messages of the queue that end in mailboxes here.

Some were put off for later (RFC 4865) and are for people here; some are what a mailing list sends
its members; some came for many of whom one had no room left, and are for that account alone; some
waited when their domain became ours; with ``delivery.capture`` all of them go to one mailbox. Their
mailboxes name the blob that the queue names, so it is there once for all of them. Where others get
it, too, the octets are written as a new one, like those of a letter that has just come.

What accounts do with it (lists of senders, rules, scripts) a ``Desk`` knows; what is captured is
for nobody here and simply kept.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from postroom.address import Address, AddressError
from postroom.blobs.reader import pieces
from postroom.blobs.store import BlobStore, Prepared
from postroom.db.database import Database
from postroom.db.ids import Ids
from postroom.delivery.content import Loaded
from postroom.directory import accounts
from postroom.directory.directory import Directory
from postroom.directory.expand import Local, Resolution
from postroom.errors import Permanent
from postroom.message import trace
from postroom.message.index import Indexed, index
from postroom.message.scan import Scanner
from postroom.post.letter import Letter
from postroom.post.notice import entry
from postroom.queue.claimed import Recipient
from postroom.queue.rows import Inward, Outgoing, Queued, unsuccessful
from postroom.store import mailboxes
from postroom.store.filing import Copy

CAPTURE: Final = "outbound"
"""The local part of the mailbox that captured messages go to, in the first domain."""


class NobodyHere(Permanent):
    """The address is not, or not any more, one that takes mail here."""

    code = 550
    status = "5.1.1"
    text = "No such mailbox here"


class Message(msgspec.Struct, frozen=True):
    """A message of the queue, for an address here that is ``found``, or one account.

    ``head`` is the whole header block, ``body`` gives the octets below it.
    """

    letter: Queued
    found: Resolution
    recipient: Recipient
    head: bytes
    body: Callable[[], AsyncIterator[bytes]]


Taken = tuple[Letter, Callable[[], Awaitable[None]]]
"""The letter for the accounts, and what is to be done once it is committed."""


class Desk(Protocol):
    """Knows what accounts here do with a message."""

    async def take(self, message: Message) -> Taken | None:
        """The letter; None where it is to be filed as it is.

        Raises MailError: why nobody takes it, or not now.
        """


class Filer:
    """Makes letters for mailboxes here. ``clock`` is UTC milliseconds."""

    def __init__(
        self,
        db: Database,
        blobs: BlobStore,
        directory: Directory,
        ids: Ids,
        clock: Callable[[], int],
        desk: Desk | None = None,
    ) -> None:
        """Without a ``desk`` everything goes to the INBOX."""
        self._desk = desk
        self._db = db
        self._blobs = blobs
        self._directory = directory
        self._ids = ids
        self._clock = clock

    async def take(self, loaded: Loaded, recipient: Recipient) -> Taken | None:
        """What the accounts behind one recipient do; None where they simply keep it.

        Raises NobodyHere, and MailError for what nobody takes, or not now.
        """
        if self._desk is None:
            return None
        opened = loaded.opened
        return await self._desk.take(
            Message(
                letter=loaded.claimed.letter,
                found=await self._found(recipient),
                recipient=recipient,
                head=loaded.head,
                body=lambda: pieces(self._db, self._blobs.files, opened, 0, opened.size),
            )
        )

    async def letter(self, loaded: Loaded, recipient: Recipient, to: Address | None) -> Letter:
        """One recipient's letter; ``to`` is another address to file it under.

        Raises NobodyHere, and MailError when it can't be done now.
        """
        found = await self._found(recipient, to)
        if not found.remote:
            return await self._kept(loaded, found)
        blob, indexed = await self._copied(loaded)
        original = loaded.claimed.letter
        now = self._clock()
        ident = self._ids.next()
        size = blob.head_size + blob.body_size
        prefix = trace.return_path(original.sender.decode("utf-8", "replace"))
        file = _File(blob.id, size, prefix, b"", indexed, now)
        queued = None
        if found.remote:
            queued = msgspec.structs.replace(
                original, id=ident, blob_id=blob.id, prefix=b"", accepted=now, due=now, size=size
            )
        return Letter(
            blob=blob,
            copies=tuple([self._copy(one, file) for one in found.local]),
            queued=queued,
            outgoing=_outgoing(queued, found.remote, recipient),
            entry=entry(ident, now, original.sender.decode("utf-8", "replace"), indexed, size),
        )

    async def _kept(self, loaded: Loaded, found: Resolution) -> Letter:
        """For accounts only: their messages are of the blob that is there."""
        original, opened = loaded.claimed.letter, loaded.opened
        scanner = Scanner()
        scanner.feed(loaded.head)
        async for block in pieces(self._db, self._blobs.files, opened, 0, opened.size):
            scanner.feed(block)
        indexed, now = index(loaded.head, scanner.finish()), self._clock()
        sender = original.sender.decode("utf-8", "replace")
        size = len(opened.head) + opened.size
        own, rest = trace.return_path(sender), original.prefix
        file = _File(original.blob_id, size, own, rest, indexed, now)
        return Letter(
            blob=self._blobs.small(b"", b""),
            copies=tuple([self._copy(one, file) for one in found.local]),
            entry=entry(self._ids.next(), now, sender, indexed, len(rest) + size),
            named=original.blob_id,
        )

    async def _found(self, recipient: Recipient, to: Address | None = None) -> Resolution:
        inward = recipient.inward
        if to is None and inward is not None:
            return await self._one(inward, recipient)
        address = to or _address(recipient)
        found = await self._directory.resolve(address)
        if found.kind != "found":
            raise NobodyHere(detail=f"{address}: {found.kind}")
        return found

    async def _one(self, inward: Inward, recipient: Recipient) -> Resolution:
        """One account, by the address that its message came for."""
        account = await self._directory.look(lambda tx: accounts.by_id(tx, inward.account_id))
        if account is None or account.removed is not None or account.is_disabled:
            raise NobodyHere(detail=f"account {inward.account_id} is gone or disabled")
        name = str(_address(recipient))
        return Resolution("found", (Local(account.id, name, inward.detail, account.quota),))

    def _copy(self, one: Local, file: "_File") -> Copy:
        message_id, indexed = self._ids.next(), file.indexed
        own = file.top + trace.delivered_to(one.address) + file.rest
        return Copy(
            account_id=one.account_id,
            mailbox=mailboxes.INBOX,
            message_id=message_id,
            blob_id=file.blob_id,
            prefix=own,
            received=file.now,
            size=len(own) + file.size,
            envelope=indexed.envelope,
            bodystructure=indexed.bodystructure,
            thread_id=indexed.thread_id(message_id),
            quota=one.quota,
            recipient=one.address,
        )

    async def _copied(self, loaded: Loaded) -> tuple[Prepared, Indexed]:
        head, opened = loaded.head, loaded.opened
        scanner = Scanner()
        scanner.feed(head)
        writer = self._blobs.writer()
        try:
            async for block in pieces(self._db, self._blobs.files, opened, 0, opened.size):
                scanner.feed(block)
                await writer.write(block)
            indexed = index(head, scanner.finish())
            return await writer.finish(head), indexed
        except BaseException:
            await writer.abort()
            raise


class _File(NamedTuple):
    """What accounts get: a blob of this ``size``; before it ``top``, Delivered-To, and ``rest``."""

    blob_id: int
    size: int
    top: bytes
    rest: bytes
    indexed: Indexed
    now: int


def _address(recipient: Recipient) -> Address:
    try:
        return Address.parse(recipient.address.decode())
    except (AddressError, UnicodeDecodeError) as error:
        raise NobodyHere(detail=str(error)) from error


def _outgoing(
    queued: Queued | None, remote: Sequence[str], recipient: Recipient
) -> tuple[Outgoing, ...]:
    if queued is None:
        return ()
    return tuple(
        [
            Outgoing(
                queued.id,
                number,
                address.encode(),
                Address.parse(address).domain.ascii,
                recipient.orcpt,
                unsuccessful(recipient.notify),
            )
            for number, address in enumerate(remote)
        ]
    )
