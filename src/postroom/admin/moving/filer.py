"""Files messages that are brought from elsewhere into mailboxes of an account, in chunks.

A chunk is one transaction in the lower lane: its messages, and the note that they have come
(``store.imported``), so that whatever breaks off can be begun again and files nothing twice.
Messages become what APPEND would make of them: line ends are CRLF; a NUL is replaced, which
the ledger notes.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

import msgspec

from postroom.access.incoming import Arrived, Incoming
from postroom.admin.moving import reading
from postroom.admin.moving.reading import Read
from postroom.admin.moving.source import Folder, LeftOut
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.errors import MailboxFull, MailError, Refused, StorageFailed
from postroom.ledger.rows import Entry, Fact, clean, normal_id
from postroom.post.commit import Post
from postroom.post.letter import Letter
from postroom.quota import NO_QUOTA, Quota
from postroom.store import imported, mailboxes, names, usage
from postroom.store.filing import Copy, Filed, MailboxGone
from postroom.store.imported import Known
from postroom.store.mailboxes import Mailbox
from postroom.store.store import account_key

DOOR: Final = "import"
"""The door of such messages in the ledger."""


class Chunked(msgspec.Struct):
    """What became of a chunk."""

    filed: int = 0
    octets: int = 0
    known: int = 0
    left_out: list[LeftOut] = msgspec.field(default_factory=list)


class _Batch(msgspec.Struct):
    """A chunk on its way: what was known before, what will be, and what is to be filed."""

    before: dict[bytes, Known]
    after: dict[bytes, Known] = msgspec.field(default_factory=dict)
    letters: list[Letter] = msgspec.field(default_factory=list)


class Filer:
    """One import into one account."""

    def __init__(
        self, office: Office, account_id: int, *, quota: Quota = NO_QUOTA, again: bool = False
    ) -> None:
        """``again``: file also what came with other imports."""
        self._office = office
        self._account_id = account_id
        self._quota = quota
        self._again = again
        self._run = office.ids.next()
        self._post = Post(office.db, office.blobs, office.notify, office.clock)

    async def mailbox(self, folder: Folder) -> Mailbox:
        """The mailbox for a folder, made when it is missing."""
        office = self._office
        fresh = [office.ids.next() for _ in folder.name.split(names.SEPARATOR)]
        found = await office.db.write(
            lambda tx: _mailbox(tx, self._account_id, folder, fresh, office.now())
        )
        office.notify.hint([account_key(self._account_id)])
        return found

    async def came(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys whose messages need not be read, at most ``imported.MOST``."""
        known = await self._known(keys)
        return {
            key
            for key in keys
            if key in known and not known[key].met(self._run, again=self._again, once=True)[1]
        }

    async def file(self, mailbox: Mailbox, chunk: Sequence[Read]) -> Chunked:
        """File those that are new. Raises Refused when there is no room, MailError."""
        self._require_room(sum(one.found.weight for one in chunk))
        done = Chunked()
        known = await self._known(
            [_identity(mailbox, one) for one in chunk if one.digest or one.key]
        )
        batch = _Batch(before=known)
        try:
            for one in chunk:
                await self._prepare(mailbox, one, batch, done)
        except BaseException:
            await self._discard(batch)
            raise
        try:
            filed = await self._write(mailbox, batch)
        except StorageFailed:
            raise  # perhaps the rows are there, as when we are cancelled: the bodies stay
        except Exception:
            await self._discard(batch)
            raise
        await self._tell(mailbox, batch, filed)
        done.filed = len(batch.letters)
        done.octets = sum(copy.size for letter in batch.letters for copy in letter.copies)
        return done

    async def _discard(self, batch: _Batch) -> None:
        """Nobody commits these."""
        await self._post.discard(*[letter.blob for letter in batch.letters])

    def _require_room(self, octets: int) -> None:
        if not self._office.blobs.disk.has_room(octets):
            raise Refused(
                "the disk of the server has no room for more ([limits] disk_reserve stays free);"
                " make some, then run this again"
            )

    async def _known(self, identities: Sequence[bytes]) -> dict[bytes, Known]:
        return await self._office.db.read(partial(_known, self._account_id, identities))

    async def _prepare(self, mailbox: Mailbox, one: Read, batch: _Batch, done: Chunked) -> None:
        """Note one message, and make a letter of it when it is new."""
        arrived: Arrived | None = None
        try:
            if one.stream is not None and not one.key:
                arrived = await self._arrived(one)
                one.digest = arrived.blob.packed().digest
                batch.before |= await self._known([_identity(mailbox, one)])
            identity = _identity(mailbox, one)
            before = batch.after.get(identity) or batch.before.get(identity) or Known()
            after, is_new = before.met(self._run, again=self._again, once=bool(one.key))
            if is_new and arrived is None:
                arrived = await self._arrived(one)
        except (Refused, *reading.TROUBLE) as error:
            why = reading.reason(error)
            done.left_out.append(LeftOut(one.found.origin, why, one.found.weight))
            return
        batch.after[identity] = after
        if is_new and arrived is not None:
            batch.letters.append(self._letter(mailbox, one, arrived))
            return
        done.known += 1
        if arrived is not None:
            await self._post.discard(arrived.blob)

    async def _arrived(self, one: Read) -> Arrived:
        incoming = Incoming(self._office.blobs)
        try:
            await incoming.write(one.octets.replace(b"\0", reading.NUL))
            if one.stream is not None:
                more = reading.blocks(one.stream)
                while block := await asyncio.to_thread(next, more, b""):
                    one.has_nul = one.has_nul or b"\0" in block
                    await incoming.write(block.replace(b"\0", reading.NUL))
            return await incoming.finish()
        except BaseException:
            await incoming.abort()
            raise

    def _letter(self, mailbox: Mailbox, one: Read, arrived: Arrived) -> Letter:
        office, found = self._office, one.found
        ident, indexed = office.ids.next(), arrived.indexed
        copy = Copy(
            account_id=self._account_id,
            mailbox=mailbox.id,
            message_id=ident,
            blob_id=arrived.blob.id,
            prefix=b"",
            received=found.received,
            size=arrived.size,
            envelope=indexed.envelope,
            bodystructure=indexed.bodystructure,
            thread_id=indexed.thread_id(ident),
            flags=found.flags,
            keywords=found.keywords,
            quota=self._quota,
            room=arrived.size,
            name=mailbox.name,
        )
        if not one.has_nul:
            return Letter(blob=arrived.blob, copies=(copy,))
        entry = Entry(
            ident, office.now(), DOOR, "", "", "", normal_id(indexed.message_id),
            clean(indexed.subject), arrived.size, account_id=self._account_id,
        )  # fmt: skip
        said = f"NUL octets were replaced by {reading.NUL.decode()}; {clean(found.origin)}"
        fact = Fact(ident, 1, entry.at, "noted", "", detail=said)
        return Letter(blob=arrived.blob, copies=(copy,), entry=entry, facts=(fact,))

    async def _write(self, mailbox: Mailbox, batch: _Batch) -> list[list[Filed]]:
        if not batch.after:
            return []
        batch.letters = await asyncio.to_thread(_packed, batch.letters)
        letters = batch.letters

        def write(tx: Tx) -> list[list[Filed]]:
            if _known(self._account_id, list(batch.after), tx) != {
                one: known for one, known in batch.before.items() if one in batch.after
            }:
                raise Refused(
                    "another import into this account runs at the same time; wait for its end,"
                    " then run this one again"
                )
            imported.note(tx, self._account_id, batch.after)
            answers = self._post.write(tx, letters) if letters else []
            for answer in answers:
                if isinstance(answer, MailError):
                    raise answer
            return [answer for answer in answers if isinstance(answer, list)]

        try:
            return await self._office.db.write(write, bulk=True)
        except MailboxFull as error:
            raise Refused(
                "the account has no room for more; give it more (postroom account quota), or use"
                " --over-quota, then run this again"
            ) from error
        except MailboxGone:
            raise Refused(
                f"the mailbox {mailbox.name} was deleted meanwhile; run this again"
            ) from None

    async def _tell(
        self, mailbox: Mailbox, batch: _Batch, filed: Sequence[Sequence[Filed]]
    ) -> None:
        """It is on stable storage."""
        for letter, places in zip(batch.letters, filed, strict=True):
            await self._office.blobs.inserted(letter.blob)
            self._post.announce(letter, places)
        self._office.notify.hint([mailbox.id])


def _identity(mailbox: Mailbox, one: Read) -> bytes:
    return one.key or imported.identity("in", mailbox.name, one.digest)


def _known(account_id: int, identities: Sequence[bytes], tx: Tx) -> dict[bytes, Known]:
    return imported.known(tx, account_id, sorted(set(identities)))


def _packed(letters: Sequence[Letter]) -> list[Letter]:
    return [msgspec.structs.replace(one, blob=one.blob.packed()) for one in letters]


def _mailbox(tx: Tx, account_id: int, folder: Folder, fresh: Sequence[int], now: int) -> Mailbox:
    """The mailbox with the special use of a folder, else with its name, else a new one."""
    usage.lock(tx, account_id, now)
    use = folder.special_use
    found = mailboxes.by_use(tx, account_id, use) if use else None
    found = found or mailboxes.find(tx, account_id, folder.name)
    if found is None and folder.name == mailboxes.INBOX:
        mailboxes.make_inbox(tx, account_id, now)
        found = mailboxes.get(tx, account_id, folder.name)
    if found is None:
        found = mailboxes.create(tx, account_id, folder.name, use or None, fresh, now)
        if folder.subscribed:
            mailboxes.subscribe(tx, account_id, folder.name)
    return found
