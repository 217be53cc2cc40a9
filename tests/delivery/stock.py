"""Values that the tests of this package share: queued messages, replies, names of a zone."""

import contextlib
import random
from collections.abc import AsyncIterator
from typing import Final, Literal

from postroom.blobs.reader import Opened, read_row
from postroom.blobs.store import Prepared
from postroom.delivery.content import Loaded
from postroom.net.dns import Resolver
from postroom.protocol.smtp.client_replies import ServerReply, local_reply
from postroom.queue.claimed import Claimed, Recipient
from postroom.queue.rows import OURS, Queued
from rig.dns import DnsServer
from tests.fakes import START
from tests.post.office import Office

OK: Final = ServerReply(250, "2.0.0", ("taken",))


def recipient(
    address: str = "b@other.test",
    number: int = 0,
    *,
    destination: str = "",
    route: str | None = None,
    attempts: int = 0,
    notify: str | None = None,
    orcpt: bytes | None = None,
) -> Recipient:
    return Recipient(
        queued_id=7,
        number=number,
        address=address.encode(),
        destination=destination or address.rpartition("@")[2],
        orcpt=orcpt,
        notify=notify,
        attempts=attempts,
        warned=False,
        route=route,
        last_reply="",
        lease=9,
    )


def queued(  # what a message in the queue can differ in
    *,
    sender: str = "a@demo.test",
    origin: int = OURS,
    prefix: bytes = b"",
    smtputf8: bool = False,
    eightbit: bool = False,
    requiretls: bool = False,
    account_id: int | None = None,
    blob_id: int = 7,
    ret: Literal["FULL", "HDRS"] | None = None,
    envid: bytes | None = None,
) -> Queued:
    return Queued(
        id=7,
        blob_id=blob_id,
        sender=sender.encode(),
        size=500,
        accepted=START,
        account_id=account_id,
        prefix=prefix,
        ret=ret,
        envid=envid,
        smtputf8=smtputf8,
        eightbit=eightbit,
        requiretls=requiretls,
        origin=origin,
    )


def held(head: bytes = b"Subject: x\r\n\r\n", letter: Queued | None = None) -> Loaded:
    """A message that was loaded, with an empty body."""
    opened = Opened(7, head, 0, b"", 0, b"", [])
    return Loaded(Claimed(letter or queued(), (recipient(),)), opened)


async def stored(place: Office, head: bytes, body: bytes) -> int:
    """The id of a blob; large ones are in the file store, or in rows of PostgreSQL."""
    writer = place.blobs.writer()
    await writer.write(body)
    blob: Prepared = await writer.finish(head)
    await place.db.write(lambda tx: place.blobs.insert(tx, [(blob, 1)]))
    await place.blobs.inserted(blob)
    return blob.id


async def loaded(place: Office, letter: Queued, *recipients: Recipient) -> Loaded:
    opened = await place.db.read(lambda tx: read_row(tx, letter.blob_id))
    return Loaded(Claimed(letter, recipients or (recipient(),)), opened)


def noise(size: int) -> bytes:
    """Octets that do not compress, the same each time."""
    return random.Random(size).randbytes(size)


def refused(code: int, status: str = "", text: str = "no") -> ServerReply:
    """What a server said."""
    return ServerReply(code, status, (text,))


def told(code: int, status: str, text: str = "no") -> ServerReply:
    """What we said ourselves."""
    return local_reply(code, status, text)


@contextlib.asynccontextmanager
async def resolving(rig: DnsServer) -> AsyncIterator[Resolver]:
    """A resolver that asks this server."""
    async with rig:
        resolver = Resolver([rig.address], try_seconds=0.2)
        try:
            yield resolver
        finally:
            await resolver.close()
