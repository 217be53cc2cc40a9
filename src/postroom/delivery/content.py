"""What is sent: the stored octets of a message, made fit for one server.

    load      header blocks and small bodies of many messages in one read
    prepare   for the extensions of a server: a parcel each, or why it can't go there

Messages of ours are re-encoded for a server without 8BITMIME, and where lines are longer
than 998 octets (RFC 6152 §3, RFC 5322 §2.1.1), and then signed; those of others go as they
are, their signatures intact. Up to 64 KiB a message is one piece of memory; the body of a
larger one is read in blocks, twice when it is signed (the signature stands before it).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

import msgspec

from postroom.blobs.reader import Opened, pieces, read_row
from postroom.blobs.store import BlobCorrupt, BlobStore
from postroom.db.database import Database, Tx
from postroom.delivery.parcel import Parcel
from postroom.delivery.signatures import Signatures, Signing
from postroom.delivery.workbench import Workbench
from postroom.mailauth.canonical import RelaxedBody
from postroom.message import sevenbit
from postroom.message.sevenbit import NotConvertible
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.protocol.smtp.client_transaction import Recipient, Transaction
from postroom.protocol.smtp.extensions import Extensions
from postroom.queue.claimed import Claimed, Recipient as Waiting
from postroom.queue.rows import OURS

SMALL: Final = 64 * 1024
MAX_CONVERTED: Final = 64 * 1024 * 1024  # octets of a body that is re-encoded, in memory
LONGEST_LINE: Final = 998


class Loaded(msgspec.Struct, frozen=True):
    """A claimed message with its stored header block, and its body when that is small."""

    claimed: Claimed
    opened: Opened

    @property
    def head(self) -> bytes:
        """The header block as the next server will see it, but for signatures."""
        return self.claimed.letter.prefix + self.opened.head


class Unfit(Exception):
    """The message can't go to this server; ``reply`` is what its sender is told."""

    def __init__(self, status: str, text: str) -> None:
        self.reply: ServerReply = local_reply(550, status, text)
        super().__init__(text)


class Contents:
    """Loads and prepares messages."""

    def __init__(
        self, db: Database, blobs: BlobStore, signatures: Signatures, bench: Workbench
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._signatures = signatures
        self._bench = bench

    async def load(self, works: Sequence[Claimed]) -> dict[int, Loaded | BlobCorrupt]:
        """By letter id; a damaged one is its ``BlobCorrupt``."""

        def read(tx: Tx) -> dict[int, Loaded | BlobCorrupt]:
            found: dict[int, Loaded | BlobCorrupt] = {}
            for one in works:
                try:
                    found[one.letter.id] = Loaded(one, read_row(tx, one.letter.blob_id))
                except BlobCorrupt as error:
                    found[one.letter.id] = error
            return found

        return await self._db.read(read)

    async def prepare(
        self, loaded: Loaded, recipients: Sequence[Waiting], extensions: Extensions, key: int
    ) -> Parcel:
        """The parcel for these recipients. Raises Unfit, BlobCorrupt."""
        with self._bench.busy(loaded.claimed.letter.id):
            if loaded.opened.table or loaded.opened.size > SMALL:
                return await self._large(loaded, recipients, extensions, key)
            return await self._small(loaded, recipients, extensions, key)

    async def _small(
        self, loaded: Loaded, recipients: Sequence[Waiting], extensions: Extensions, key: int
    ) -> Parcel:
        letter = loaded.claimed.letter
        head, body = loaded.head, loaded.opened.octets
        if letter.origin != OURS:
            return _parcel(loaded, recipients, key, head, body)
        is_long = has_long_line(head) or has_long_line(body)
        if is_long or (letter.eightbit and not extensions.eightbitmime):
            head, body = await self._converted(loaded, head, body, is_long=is_long)
        signing = await self._signatures.signing(head)
        if signing is not None:
            work = partial(self._signatures.sign, signing, head, body)
            head = await asyncio.to_thread(work) + head
        return _parcel(loaded, recipients, key, head, body)

    async def _large(
        self, loaded: Loaded, recipients: Sequence[Waiting], extensions: Extensions, key: int
    ) -> Parcel:
        letter, opened = loaded.claimed.letter, loaded.opened
        head = loaded.head
        if letter.origin != OURS:
            return self._streamed(loaded, recipients, key, head)
        signing = await self._signatures.signing(head)
        body_hash, is_long = await self._look_through(opened)
        is_long = is_long or has_long_line(head)
        if is_long or (letter.eightbit and not extensions.eightbitmime):
            if opened.size > MAX_CONVERTED:
                raise Unfit(
                    "5.6.3", "The message is too large to be re-encoded for the next server"
                )
            blocks = [block async for block in self._body(opened)]
            head, body = await self._converted(loaded, head, b"".join(blocks), is_long=is_long)
            if signing is not None:
                work = partial(self._signatures.sign, signing, head, body)
                head = await asyncio.to_thread(work) + head
            return _parcel(loaded, recipients, key, head, body)
        if signing is not None:
            head = await self._signed(signing, head, body_hash)
        return self._streamed(loaded, recipients, key, head)

    async def _signed(self, signing: Signing, head: bytes, body_hash: bytes) -> bytes:
        work = partial(self._signatures.sign_hash, signing, head, body_hash)
        return await asyncio.to_thread(work) + head

    async def _converted(
        self, loaded: Loaded, head: bytes, body: bytes, *, is_long: bool
    ) -> tuple[bytes, bytes]:
        """Re-encoded; as it is when only its lines are long and nothing can be done."""
        try:
            done = await asyncio.to_thread(sevenbit.convert, head, body)
        except NotConvertible as error:
            if loaded.claimed.letter.smtputf8 or (is_long and not loaded.claimed.letter.eightbit):
                return head, body
            raise Unfit(error.status, f"{error} and the next server takes no 8-bit text") from error
        return done.head, done.body

    async def _look_through(self, opened: Opened) -> tuple[bytes, bool]:
        """(relaxed hash of the body, whether a line is too long)."""
        digest = _Digest()
        async for block in self._body(opened):
            await asyncio.to_thread(digest.feed, block)
        return digest.finish()

    async def _body(self, opened: Opened) -> AsyncIterator[bytes]:
        async for piece in pieces(self._db, self._blobs.files, opened, 0, opened.size):
            yield piece

    def _streamed(
        self, loaded: Loaded, recipients: Sequence[Waiting], key: int, head: bytes
    ) -> Parcel:
        async def stream() -> AsyncIterator[bytes]:
            yield head
            async for block in self._body(loaded.opened):
                yield block

        size = len(head) + loaded.opened.size
        return Parcel(key, _transaction(loaded, recipients, head, size), None, stream)


def has_long_line(octets: bytes) -> bool:
    """Whether a line has more than 998 octets, in one step for each 1,000 octets."""
    at = 0
    while len(octets) - at > LONGEST_LINE:
        end = octets.rfind(b"\n", at, at + LONGEST_LINE + 2)
        if end < 0:
            return True
        at = end + 1
    return False


class _Digest:
    """The hash of a body that comes in blocks, and its longest line."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._body = RelaxedBody(self._sha.update)
        self._tail = b""
        self._is_long = False

    def feed(self, block: bytes) -> None:
        self._body.feed(block)
        if not self._is_long:
            lines = self._tail + block
            self._is_long = has_long_line(lines)
            self._tail = lines[lines.rfind(b"\n") + 1 :]

    def finish(self) -> tuple[bytes, bool]:
        self._body.finish()
        return self._sha.digest(), self._is_long


def _parcel(
    loaded: Loaded, recipients: Sequence[Waiting], key: int, head: bytes, body: bytes
) -> Parcel:
    octets = head + body
    return Parcel(key, _transaction(loaded, recipients, head, len(octets)), octets)


def _transaction(
    loaded: Loaded, recipients: Sequence[Waiting], head: bytes, size: int
) -> Transaction:
    letter = loaded.claimed.letter
    addresses_are_ascii = letter.sender.isascii() and all(
        one.address.isascii() for one in recipients
    )
    return Transaction(
        sender=letter.sender,
        recipients=tuple(
            [
                Recipient(
                    one.address,
                    one.notify,
                    None if one.orcpt is None else one.orcpt.decode("utf-8", "replace"),
                )
                for one in recipients
            ]
        ),
        size=size,
        is_eightbit=letter.eightbit,
        needs_smtputf8=not addresses_are_ascii or (letter.smtputf8 and not head.isascii()),
        requiretls=letter.requiretls,
        ret=letter.ret,
        envid=None if letter.envid is None else letter.envid.decode("utf-8", "replace"),
    )
