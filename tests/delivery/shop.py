"""Messages in a store, and ``Contents`` to prepare them; signatures are held against dkimpy."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from postroom.delivery.content import Contents, Loaded
from postroom.delivery.parcel import Parcel
from postroom.delivery.signatures import Signatures
from postroom.delivery.workbench import Workbench
from postroom.directory import dkim_keys
from postroom.directory.dkim_keys import DkimKey
from postroom.message import headers
from postroom.message.content import transferred
from postroom.message.scan import scan
from postroom.protocol.smtp.extensions import Extensions
from postroom.queue.claimed import Recipient
from postroom.queue.rows import Queued
from tests.conftest import Opener
from tests.delivery.oracle import agrees
from tests.delivery.stock import loaded, noise, queued, stored
from tests.directory import keys
from tests.directory.town import towns
from tests.post.office import Office, over

HEAD: Final = b"From: Alice <alice@demo.test>\r\nTo: b@other.test\r\nSubject: Hello\r\n"
SEVEN: Final = Extensions(name="old.test")
EIGHT: Final = Extensions(name="new.test", eightbitmime=True)
UTF8: Final = Extensions(name="utf8.test", eightbitmime=True, smtputf8=True)
LONG: Final = b"z" * 1_500 + b"\r\n"


def text(size: int) -> bytes:
    """Lines that hardly compress, in ASCII."""
    line = re.compile(b".{70}", re.DOTALL)
    return line.sub(lambda found: found[0] + b"\r\n", noise(size).hex().encode()) + b"end\r\n"


LARGE: Final = text(1_200_000)


class Shop:
    """Messages in a store, and what prepares them; demo.test has keys."""

    def __init__(self, office: Office, contents: Contents, published: Sequence[DkimKey]) -> None:
        self.office = office
        self.contents = contents
        self.published = published

    async def loaded(
        self, head: bytes, body: bytes, letter: Queued | None = None, *recipients: Recipient
    ) -> Loaded:
        blob_id = await stored(self.office, head + b"\r\n", body)
        fields = queued() if letter is None else letter
        return await loaded(self.office, _with_blob(fields, blob_id), *recipients)

    async def prepared(
        self,
        head: bytes,
        body: bytes,
        letter: Queued | None = None,
        extensions: Extensions = EIGHT,
        *recipients: Recipient,
    ) -> tuple[Parcel, bytes]:
        """The parcel and its octets."""
        one = await self.loaded(head, body, letter, *recipients)
        parcel = await self.contents.prepare(one, one.claimed.recipients, extensions, 5)
        assert parcel.key == 5
        octets = b"".join([block async for block in parcel.blocks()])
        assert parcel.transaction.size == len(octets)
        return parcel, octets

    def unsigned(self, octets: bytes) -> bytes:
        """The message below its two signatures, which hold."""
        assert agrees(octets, self.published) == [True, True]
        first, second = list(headers.fields(octets))[:2]
        assert first.name == second.name == b"dkim-signature"
        return octets[second.end :]


def _with_blob(letter: Queued, blob_id: int) -> Queued:
    return msgspec.structs.replace(letter, blob_id=blob_id)


@contextlib.asynccontextmanager
async def opened(database: Opener, data: Path) -> AsyncIterator[Shop]:
    async with towns(database, data)() as town:
        own = await town.domain("demo.test")
        ids = (town.ids.next(), town.ids.next())
        published = await town.directory.change(
            lambda tx: dkim_keys.add(
                tx, ids, own, keys.quick(), seal_key=town.secrets.seal, now=town.clock()
            )
        )
        office = over(town.db, data, town.clock)
        bench = Workbench(data / "workbench")
        signatures = Signatures(town.directory.signing_keys, lambda: 1_700_000_000_000)
        try:
            yield Shop(office, Contents(office.db, office.blobs, signatures, bench), published)
        finally:
            assert bench._map[:] == bytes(len(bench._map)), "nobody is blamed afterwards"
            bench.close()
            office.notify.close()


def decoded_body(message: bytes) -> bytes:
    """The body of a message of one part, its transfer encoding undone."""
    part = scan(message)
    return transferred(part.encoding, message[part.body_start : part.end])
