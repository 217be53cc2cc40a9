"""What is sent: the stored octets of a message, made fit for one server.

    load      header blocks and small bodies of many messages in one read
    prepare   for the extensions of a server: a parcel each, or why it can't go there

Messages of ours are re-encoded where they have 8-bit octets and the server lacks 8BITMIME,
and where lines are longer than 998 octets (RFC 6152 §3, RFC 5322 §2.1.1), and then signed;
those of others go as they are, their signatures intact. So do posts of a mailing list wherever they
can, for the signatures of their authors, and the domain of the list signs besides. Long lines that can't be helped go as
they are, too. Up to 64 KiB a message is one piece of memory; the body of a larger one is read
in blocks, twice because the signature stands before it; one at a time is re-encoded.
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
from postroom.message.sevenbit import Converted, NotConvertible
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.protocol.smtp.client_transaction import Recipient, Transaction
from postroom.protocol.smtp.extensions import Extensions
from postroom.queue.claimed import Claimed, Recipient as Waiting
from postroom.queue.rows import OURS, Queued

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
        self._converting = asyncio.Lock()  # of large bodies: each is in memory several times

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
        is_eightbit = not (head.isascii() and body.isascii())
        must = is_eightbit and not extensions.eightbitmime
        home = _home(letter)
        if must or (not home and (has_long_line(head) or has_long_line(body))):
            done = await self._converted(letter, head, body, must=must)
            if done is not None:
                head, body = done.head, done.body
        signing = await self._signatures.signing(head, home)
        return await self._signed_parcel(loaded, recipients, key, signing, Converted(head, body))

    async def _large(
        self, loaded: Loaded, recipients: Sequence[Waiting], extensions: Extensions, key: int
    ) -> Parcel:
        letter, opened = loaded.claimed.letter, loaded.opened
        head = loaded.head
        if letter.origin != OURS:
            return self._streamed(loaded, recipients, key, head)
        home = _home(letter)
        signing = await self._signatures.signing(head, home)
        seen = await self._look_through(opened)
        must = not extensions.eightbitmime and not (seen.is_ascii and head.isascii())
        if must or (not home and (seen.is_long or has_long_line(head))):
            done = await self._converted_large(letter, head, opened, must=must)
            if done is not None:
                return await self._signed_parcel(loaded, recipients, key, signing, done)
        if signing is not None:
            work = partial(self._signatures.sign_hash, signing, head, seen.body_hash)
            head = await self._signatures.signed(work) + head
        return self._streamed(loaded, recipients, key, head)

    async def _signed_parcel(
        self,
        loaded: Loaded,
        recipients: Sequence[Waiting],
        key: int,
        signing: Signing | None,
        whole: Converted,
    ) -> Parcel:
        head, body = whole.head, whole.body
        if signing is not None:
            work = partial(self._signatures.sign, signing, head, body)
            head = await self._signatures.signed(work) + head
        return _parcel(loaded, recipients, key, head, body)

    async def _converted_large(
        self, letter: Queued, head: bytes, opened: Opened, *, must: bool
    ) -> Converted | None:
        if opened.size > MAX_CONVERTED:
            if not must:
                return None
            raise Unfit("5.6.3", "The message is too large to be re-encoded for the next server")
        async with self._converting:
            blocks = [block async for block in self._body(opened)]
            return await self._converted(letter, head, b"".join(blocks), must=must)

    async def _converted(
        self, letter: Queued, head: bytes, body: bytes, *, must: bool
    ) -> Converted | None:
        """Re-encoded; None: it goes as it is. ``must``: the server takes 7-bit octets only."""
        try:
            return await asyncio.to_thread(sevenbit.convert, head, body)
        except NotConvertible as error:
            if not must:
                return None
            if letter.smtputf8 and not head.isascii():
                return None  # the transaction needs SMTPUTF8 then, and is refused without it
            text = f"{error}, and the next server takes no 8-bit text"
            raise Unfit(error.status, text) from error

    async def _look_through(self, opened: Opened) -> "Seen":
        look = Look()
        async for block in self._body(opened):
            await asyncio.to_thread(look.feed, block)
        return look.finish()

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


def _home(letter: Queued) -> str:
    """The domain of the mailing list that a letter is a post of, as its first field tells."""
    is_post = letter.prefix.startswith(b"List-")
    return letter.sender.rpartition(b"@")[2].decode("ascii", "replace") if is_post else ""


def has_long_line(octets: bytes) -> bool:
    """Whether a line has more than 998 octets, in one step for each 1,000 octets."""
    at = 0
    while len(octets) - at > LONGEST_LINE:
        end = octets.rfind(b"\n", at, at + LONGEST_LINE + 2)
        if end < 0:
            return True
        at = end + 1
    return False


class Seen(msgspec.Struct, frozen=True):
    """What a body was found to be. ``body_hash``: SHA-256 of its relaxed form (RFC 6376)."""

    body_hash: bytes
    is_long: bool
    is_ascii: bool


class Look:
    """Looks at a body that comes in blocks; how it is cut does not matter."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._body = RelaxedBody(self._sha.update)
        self._tail = b""  # of a line that goes on
        self._is_long = False
        self._is_ascii = True

    def feed(self, block: bytes) -> None:
        """The next octets."""
        self._body.feed(block)
        self._is_ascii = self._is_ascii and block.isascii()
        if self._is_long:
            return
        end = block.rfind(b"\n") + 1
        if end:
            self._is_long = has_long_line(self._tail + block[:end])
            self._tail = block[end:]
        else:
            self._tail += block
        if len(self._tail) > LONGEST_LINE + len(b"\r"):  # the LF may come yet
            self._is_long = True

    def finish(self) -> Seen:
        """The body is complete."""
        self._body.finish()
        is_long = self._is_long or has_long_line(self._tail)
        return Seen(self._sha.digest(), is_long, self._is_ascii)


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
