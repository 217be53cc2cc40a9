"""APPEND: a person puts a message into a mailbox.

The octets come in blocks of any cut and go on at once: the header block is kept (it is
bounded), the body streams into the blob writer, so memory does not grow with the message.
A bare CR or LF becomes CRLF; NUL is refused. Mailbox, size and quota are checked in
``begin``, before the client sends anything; the quota again in the commit. The message
goes through ``post`` without a ledger entry: nobody sent it to us.

RFC 3501 §6.3.11, RFC 4315 §3 (APPENDUID), RFC 7889 (APPENDLIMIT).
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from postroom.access.places import Place
from postroom.blobs.store import Prepared
from postroom.blobs.writer import BlobWriter
from postroom.errors import Invalid, NotFound, Permanent, Refused
from postroom.message.index import index
from postroom.message.lineends import LineEnds
from postroom.message.scan import Scanner
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.store import flags as flag_words, usage
from postroom.store.filing import Copy, MailboxGone
from postroom.store.mailboxes import Mailbox
from postroom.store.store import Store

MAX_HEAD: Final = 256 * 1024  # octets of header block; what follows counts as body
SMALL: Final = 64 * 1024  # octets of body kept in memory and written at once


class Appender:
    """One APPEND at a time: ``begin``, ``write``.., then ``finish`` or ``abort``."""

    def __init__(self, store: Store, post: Post, *, max_message: int = 0) -> None:
        """``max_message`` in octets, 0 is none."""
        self._store = store
        self._post = post
        self._max_message = max_message
        self._writer: BlobWriter | None = None
        self._mailbox: Mailbox | None = None
        self._reset()

    async def begin(self, place: Place, size: int) -> None:
        """Check what can be checked before the octets come.

        Raises Permanent above the size limit, MailboxFull.
        """
        await self.abort()
        if 0 < self._max_message < size:
            raise Permanent(
                f"The message is above the limit of {self._max_message} octets",
                code=552,
                status="5.3.4",
            )
        mailbox = place.mailbox
        account_id = mailbox.account_id
        quota = await self._store.quota_of(account_id)
        if quota:
            used = (await self._store.usage(account_id)).octets
            usage.refuse_above(quota, used, size)
        self._mailbox, self._quota = mailbox, quota

    async def write(self, block: bytes) -> None:
        """The next octets of the message."""
        await self._take(self._ends.feed(block))

    async def finish(self, flags: int, keywords: Iterable[str], received: int) -> tuple[int, int]:
        """File the message; (UIDVALIDITY, UID). ``received`` is its INTERNALDATE.

        Raises Refused for NUL, NotFound when the mailbox was deleted meanwhile, MailError.
        """
        mailbox = self._mailbox
        if mailbox is None:
            raise Invalid("nothing was begun")
        try:
            words = flag_words.join_keywords(keywords)
            await self._take(self._ends.finish())
            if self._ends.has_nul:
                raise Refused("a message must not contain NUL octets")
            copy, prepared = await self._prepared(mailbox, received)
            copy = msgspec.structs.replace(copy, flags=flags & flag_words.ALL, keywords=words)
            letter = Letter(blob=prepared, copies=(copy,))
            try:
                filed = await self._post.commit(letter)
            except MailboxGone:
                raise NotFound(f"the mailbox {mailbox.name!r} has just been deleted") from None
        finally:
            await self.abort()
        return filed[0].uidvalidity, filed[0].uid

    async def abort(self) -> None:
        """Forget what has come so far."""
        writer, self._writer = self._writer, None
        self._reset()
        if writer is not None:
            await writer.abort()

    def _reset(self) -> None:
        self._mailbox = None
        self._quota = 0
        self._ends = LineEnds()
        self._scanner = Scanner()
        self._head = b""
        self._has_head = False
        self._body: list[bytes] = []
        self._body_size = 0

    async def _take(self, block: bytes) -> None:
        if not block or self._ends.has_nul:
            return
        self._scanner.feed(block)
        if not self._has_head:
            block = self._take_head(block)
        if block:
            await self._take_body(block)

    def _take_head(self, block: bytes) -> bytes:
        """Collect the header block; what is left of the block belongs to the body."""
        head = self._head + block
        end = 2 if head.startswith(b"\r\n") else head.find(b"\r\n\r\n", self._searched()) + 4
        if end < 4 and not head.startswith(b"\r\n"):
            if len(head) <= MAX_HEAD:
                self._head = head
                return b""
            end = MAX_HEAD
        self._head, self._has_head = head[:end], True
        return head[end:]

    def _searched(self) -> int:
        return max(0, len(self._head) - 3)

    async def _take_body(self, block: bytes) -> None:
        self._body_size += len(block)
        if self._writer is None:
            self._body.append(block)
            if self._body_size <= SMALL:
                return
            self._writer = self._store.blobs.writer()
            block = b"".join(self._body)
            self._body = []
        await self._writer.write(block)

    async def _prepared(self, mailbox: Mailbox, received: int) -> tuple[Copy, Prepared]:
        indexed = index(self._head, self._scanner.finish())
        if self._writer is None:
            prepared = self._store.blobs.writer().write_small(self._head, b"".join(self._body))
        else:
            prepared = await self._writer.finish(self._head)
            self._writer = None
        ident = self._store.ids.next()
        copy = Copy(
            account_id=mailbox.account_id,
            mailbox=mailbox.id,
            message_id=ident,
            blob_id=prepared.id,
            prefix=b"",
            received=received,
            size=len(self._head) + self._body_size,
            envelope=indexed.envelope,
            bodystructure=indexed.bodystructure,
            thread_id=ident,
            quota=self._quota,
        )
        return copy, prepared
