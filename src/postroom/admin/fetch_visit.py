"""One visit to an account elsewhere: what is new there is brought here.

A message goes the way of all that is received, with the person's filters and rules, or into the
mailbox that was named. It is remembered once it is on stable storage, and only then deleted
there, if it is to be. One that is refused for good here stays there, and is not asked for again.
A server that dies in between fetches the message once more at worst.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Sequence
from typing import IO, Final, cast

from postroom.address import Address, AddressError
from postroom.admin.moving import reading
from postroom.admin.moving.filer import Filer
from postroom.admin.moving.imap_source import ImapSource
from postroom.admin.moving.reading import Chunk, Read, small
from postroom.admin.moving.remote import Remote, open_imap, open_pop3
from postroom.admin.moving.source import Folder, Found
from postroom.admin.office import Office
from postroom.directory import fetchings
from postroom.directory.fetchings import Fetching
from postroom.errors import Refused, Temporary
from postroom.intake.intake import Intake
from postroom.intake.peer import Peer
from postroom.message import headers
from postroom.message.lineends import LineEnds
from postroom.net.pop3 import Pop3Connection
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.replies import Reply
from postroom.store import imported
from postroom.store.imported import Known

MOST: Final = 1000  # messages of one account and time; the rest comes soon
MAX_MESSAGE: Final = 1 << 30
_SESSION: Final = "fetch"


class Later(Temporary):
    """A message can't be taken now; it stays there until the next time."""

    text = "a message was put off"


class Visit:
    """Fetches from one account, once."""

    def __init__(self, office: Office, intake: Intake, one: Fetching) -> None:
        self._office = office
        self._intake = intake
        self._one = one
        self.fetched = 0

    async def run(self) -> None:
        """Raises Refused, MailError, OSError; what has come until then counts."""
        office, one = self._office, self._one
        key = office.directory.secrets.seal
        secret = await office.db.read(lambda tx: fetchings.secret(tx, one.id, key))
        there = Remote(
            one.protocol, one.host, one.port, one.tls, one.login, secret, one.is_token, one.verify
        )
        if one.protocol == "imap":
            await self._imap(there)
        else:
            await self._pop3(there)

    async def _imap(self, there: Remote) -> None:
        one = self._one

        source = await ImapSource.open(
            lambda: open_imap(self._office.config, there),
            f"{one.id} {there.login} at {there.host}",
            [one.folder],
            sleep=_no_patience,
        )
        try:
            (folder,) = source.folders
            gone: list[int] = []
            came = self._came if one.leaves else self._refused
            async with contextlib.aclosing(source.chunks(folder, came)) as chunks:
                async for chunk in chunks:
                    gone += await self._take(chunk)
                    if self.fetched >= MOST:
                        break
            if gone and not one.leaves:
                await source.delete(folder, gone)
        finally:
            await source.close()

    async def _take(self, chunk: Chunk) -> list[int]:
        """UIDs of those that are safe here."""
        try:
            return [
                read.found.uid
                for read in chunk.messages
                if await self._is_safe(read.key) or await self._deliver(read, read.key)
            ]
        finally:
            chunk.close()

    async def _pop3(self, there: Remote) -> None:
        one = self._one
        connection = await open_pop3(self._office.config, there)
        try:
            listed = await connection.uids()
            for at in range(0, len(listed), imported.MOST):
                page = {
                    imported.identity("pop3", str(one.id), uid): number
                    for number, uid in listed[at : at + imported.MOST]
                }
                came = await self._came(list(page))
                for key, number in page.items():
                    if key not in came:
                        await self._retrieve(connection, number, key)
                    elif not one.leaves and await self._is_safe(key):
                        await connection.delete(number)
                if self.fetched >= MOST:
                    break
            await connection.quit()
        finally:
            await connection.close()

    async def _retrieve(self, connection: Pop3Connection, number: int, key: bytes) -> None:
        with tempfile.SpooledTemporaryFile(reading.SMALL * 4) as spool:
            size = 0
            async for block in connection.retrieve(number):
                size += len(block)
                if size > MAX_MESSAGE:
                    raise Refused(f"message {number} has no end")
                await asyncio.to_thread(spool.write, block)
            spool.seek(0)
            found = Found(f"message {number}", _nothing, size, self._office.now())
            if size <= reading.SMALL:
                read = small(found, spool.read())
            else:
                read = Read(found, stream=cast("IO[bytes]", spool))
            is_safe = size == 0 or await self._deliver(read, key)
        if is_safe and not self._one.leaves:
            await connection.delete(number)

    async def _came(self, keys: Sequence[bytes]) -> set[bytes]:
        account = self._one.account_id
        found = await self._office.db.read(lambda tx: imported.known(tx, account, list(keys)))
        return set(found)

    async def _refused(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those that are to stay there; what is here already is still to be deleted there."""
        account = self._one.account_id
        found = await self._office.db.read(lambda tx: imported.known(tx, account, list(keys)))
        return {key for key, known in found.items() if not known.copies}

    async def _is_safe(self, key: bytes) -> bool:
        """Whether the message of a key is here; one that was refused is not."""
        account = self._one.account_id
        found = await self._office.db.read(lambda tx: imported.known(tx, account, [key]))
        return found[key].copies > 0 if key in found else False

    async def _deliver(self, read: Read, key: bytes) -> bool:
        """Take one in; whether it is safe here now. Raises Later, MailError, Refused."""
        office, one = self._office, self._one
        if one.target:
            is_safe = await self._file(read, key)
        else:
            is_safe = await self._receive(read)
        run = office.ids.next()
        noted = {key: Known(int(is_safe), run, 1)}
        if key:
            await office.db.write(lambda tx: imported.note(tx, one.account_id, noted))
        self.fetched += is_safe
        return is_safe

    async def _file(self, read: Read, key: bytes) -> bool:
        account_id = self._one.account_id
        quota = await self._office.directory.quota_of(account_id)
        filer = Filer(self._office, account_id, quota=quota)
        mailbox = await filer.mailbox(Folder(self._one.target, ""))
        read.key = key
        done = await filer.file(mailbox, [read])
        return bool(done.filed or done.known)

    async def _receive(self, read: Read) -> bool:
        """As if it had come by SMTP; False when it is refused for good."""
        address = await self._office.directory.address_of(self._one.account_id)
        peer = Peer(
            session=_SESSION,
            address=self._one.host,
            port=self._one.port,
            door=f"fetch-{self._one.protocol}",
        )
        talk = self._intake.open(peer)
        try:
            await talk.greet(self._one.host, esmtp=True)
            first = await asyncio.to_thread(_first, read)
            _require(await talk.mail(Mail(_sender(first))))
            _require(await talk.rcpt(Rcpt(Address.parse(address))))
            _require(await talk.data())
            async for block in _blocks(read):
                await talk.content(block)
            (reply,) = await talk.end(None)
        finally:
            await talk.close()
        if not reply.is_permanent:
            _require(reply)
        return reply.is_positive


def _require(reply: Reply) -> None:
    """No other message would be taken now either, so this one is not given up."""
    if not reply.is_positive:
        raise Later(detail=" ".join(reply.lines))


def _first(read: Read) -> bytes:
    """The beginning of a message."""
    if read.stream is not None and not read.octets:
        read.octets = read.stream.read(reading.SMALL)
    return read.octets


def _sender(octets: bytes) -> Address | None:
    """Whom the envelope named when the other server took the message (RFC 5321 §4.4)."""
    for value in headers.collect(octets, frozenset({b"return-path"})).get(b"return-path", ()):
        text = value.strip().decode("ascii", "replace").removeprefix("<").removesuffix(">")
        with contextlib.suppress(AddressError):
            return Address.parse(text)
    return None


async def _blocks(read: Read) -> AsyncIterator[bytes]:
    """The octets as they may be kept: CRLF, no NUL."""
    ends = LineEnds()
    yield ends.feed(read.octets.replace(b"\0", reading.NUL))
    if read.stream is not None:
        more = reading.blocks(read.stream)
        while block := await asyncio.to_thread(next, more, b""):
            yield ends.feed(block.replace(b"\0", reading.NUL))
    yield ends.finish()


def _nothing() -> IO[bytes]:
    raise OSError("the octets have come already")


async def _no_patience(_seconds: float) -> None:
    """A connection that breaks is not waited for: it is due again soon."""
    raise Later(detail="the connection broke")
