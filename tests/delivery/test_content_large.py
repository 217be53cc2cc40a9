"""Large messages, damaged ones, and the envelope that goes with each."""

import asyncio
from pathlib import Path
from typing import Final

import msgspec
import pytest

from postroom.blobs.prepared import IN_FILE, IN_FRAMES, IN_ROW
from postroom.blobs.store import BlobCorrupt
from postroom.delivery import content
from postroom.delivery.content import Loaded, Unfit, has_long_line
from postroom.protocol.smtp.client_transaction import Recipient as Sent
from postroom.protocol.smtp.extensions import Extensions
from postroom.queue.claimed import Claimed
from postroom.queue.rows import OURS, STRANGER
from tests.conftest import Opener
from tests.delivery.shop import (
    EIGHT,
    HEAD,
    LARGE,
    LONG,
    SEVEN,
    UTF8,
    Shop,
    decoded_body,
    opened,
)
from tests.delivery.stock import queued, recipient, stored

BOTH: Final = pytest.mark.parametrize("extensions", [SEVEN, EIGHT], ids=["7bit", "8bit"])


# Large messages


@BOTH
def test_a_large_message_is_signed_and_streamed(
    database: Opener, data: Path, extensions: Extensions
) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            one = await shop.loaded(HEAD, LARGE)
            assert one.opened.place in {IN_FILE, IN_FRAMES}
            assert (one.opened.octets, len(one.opened.table)) == (b"", 3)
            parcel = await shop.contents.prepare(one, one.claimed.recipients, extensions, 0)
            assert parcel.octets is None
            blocks = [block async for block in parcel.blocks()]
            octets = b"".join(blocks)
            assert shop.unsigned(octets) == HEAD + b"\r\n" + LARGE
            assert parcel.transaction.size == len(octets)
            assert max(map(len, blocks)) <= 1 << 20
            assert b"".join([block async for block in parcel.blocks()]) == octets  # once more

    asyncio.run(run())


def test_a_body_in_the_row_that_is_large_is_streamed_too(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            body = b"the same line\r\n" * 20_000
            one = await shop.loaded(HEAD, body)
            assert one.opened.place == IN_ROW
            parcel, octets = await shop.prepared(HEAD, body)
            assert parcel.octets is None
            assert shop.unsigned(octets) == HEAD + b"\r\n" + body

    asyncio.run(run())


@pytest.mark.parametrize("size", [content.SMALL, content.SMALL + 1])
def test_at_the_border_of_small_and_large(database: Opener, data: Path, size: int) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            body = LARGE[: size - 2] + b"\r\n"
            parcel, octets = await shop.prepared(HEAD, body)
            assert (parcel.octets is None) is (size > content.SMALL)
            assert shop.unsigned(octets) == HEAD + b"\r\n" + body

    asyncio.run(run())


@pytest.mark.parametrize("odd", ["ü\r\n".encode(), LONG, "ü".encode() + LONG])
def test_a_large_one_is_re_encoded_and_signed(database: Opener, data: Path, odd: bytes) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            head = HEAD + b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
            body = LARGE + odd  # what is odd stands in the last block
            parcel, octets = await shop.prepared(head, body, queued(eightbit=True), SEVEN)
            assert parcel.octets == octets
            assert octets.isascii()
            message = shop.unsigned(octets)
            assert not has_long_line(message)
            assert decoded_body(message) == body

    asyncio.run(run())


def test_a_line_of_998_octets_across_two_frames_is_not_long(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            rest = (1 << 20) - 999  # the frame ends between CR and LF
            body = LARGE[: rest - 2] + b"\r\n" + b"x" * 998 + b"\r\n" + LARGE
            assert body[(1 << 20) - 1 : (1 << 20) + 1] == b"\r\n"
            parcel, octets = await shop.prepared(HEAD, body)
            assert parcel.octets is None
            assert shop.unsigned(octets) == HEAD + b"\r\n" + body

    asyncio.run(run())


def test_what_is_too_large_to_be_re_encoded(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "MAX_CONVERTED", 1_000_000)

    async def run() -> None:
        async with opened(database, data) as shop:
            one = await shop.loaded(HEAD, LARGE + "ü\r\n".encode(), queued(eightbit=True))
            with pytest.raises(Unfit, match="too large") as caught:
                await shop.contents.prepare(one, one.claimed.recipients, SEVEN, 0)
            assert caught.value.reply.status == "5.6.3"
            for body, extensions in ((LARGE + LONG, SEVEN), (LARGE + LONG, EIGHT), (LARGE, SEVEN)):
                letter = queued(eightbit=True)
                parcel, octets = await shop.prepared(HEAD, body, letter, extensions)
                assert parcel.octets is None
                assert shop.unsigned(octets) == HEAD + b"\r\n" + body

    asyncio.run(run())


# Loading, and damage


def test_many_are_loaded_at_once_and_a_damaged_one_stops_nobody(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            good = await shop.loaded(HEAD, b"Hello.\r\n")
            bad_id = await stored(shop.office, HEAD + b"\r\n", b"Bad.\r\n")
            await shop.office.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET head = :head WHERE id = :id", head=b"rubbish", id=bad_id
                )
            )

            def claimed(ident: int, blob_id: int) -> Claimed:
                letter = msgspec.structs.replace(queued(blob_id=blob_id), id=ident)
                return Claimed(letter, (recipient(),))

            works = [
                claimed(1, good.claimed.letter.blob_id),
                claimed(2, bad_id),
                claimed(3, 12_345),
                claimed(4, good.claimed.letter.blob_id),
            ]
            found = await shop.contents.load(works)
            assert list(found) == [1, 2, 3, 4]
            for ident in (1, 4):
                one = found[ident]
                assert isinstance(one, Loaded)
                assert one.claimed is works[ident - 1]
                assert one.head == HEAD + b"\r\n"
                assert one.opened.octets == b"Hello.\r\n"
            assert isinstance(found[2], BlobCorrupt)
            assert isinstance(found[3], BlobCorrupt)
            assert "the row is missing" in found[3].detail
            assert await shop.contents.load([]) == {}

    asyncio.run(run())


async def damage(shop: Shop, one: Loaded, number: int, change: bytes | None) -> None:
    """Write over a frame of a body, or remove it."""
    blob_id = one.claimed.letter.blob_id
    if one.opened.place == IN_FRAMES:
        sql = "DELETE FROM blob_frame WHERE blob_id = :id AND number = :number"
        if change is not None:
            sql = "UPDATE blob_frame SET octets = :o WHERE blob_id = :id AND number = :number"
        given = {} if change is None else {"o": change}
        await shop.office.db.write(lambda tx: tx.execute(sql, id=blob_id, number=number, **given))
        return
    path = Path(shop.office.blobs.files.place(blob_id))
    await asyncio.to_thread(overwrite, path, one.opened.table[number].offset, change)


def overwrite(path: Path, offset: int, change: bytes | None) -> None:
    if change is None:
        path.unlink()
        return
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(change)


@pytest.mark.parametrize("number", [0, 2])
@pytest.mark.parametrize("change", [b"rubbish", None])
@pytest.mark.parametrize("origin", [OURS, STRANGER])
def test_a_damaged_body_is_never_sent_to_its_end(
    database: Opener, data: Path, number: int, change: bytes | None, origin: int
) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            one = await shop.loaded(HEAD, LARGE, queued(origin=origin))
            await damage(shop, one, number, change)
            if origin == OURS:  # it is read before, to be signed
                with pytest.raises(BlobCorrupt):
                    await shop.contents.prepare(one, one.claimed.recipients, EIGHT, 0)
                return
            parcel = await shop.contents.prepare(one, one.claimed.recipients, EIGHT, 0)
            seen = b""
            with pytest.raises(BlobCorrupt):
                async for block in parcel.blocks():
                    seen += block
            assert len(seen) < parcel.transaction.size

    asyncio.run(run())


def test_damage_between_signing_and_sending_is_found(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            one = await shop.loaded(HEAD, LARGE)
            parcel = await shop.contents.prepare(one, one.claimed.recipients, EIGHT, 0)
            await damage(shop, one, 1, b"rubbish")
            with pytest.raises(BlobCorrupt):
                async for _ in parcel.blocks():
                    pass

    asyncio.run(run())


# The envelope


def test_the_envelope_is_that_of_the_queue(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            letter = queued(ret="HDRS", envid=b"x+2B1", requiretls=True, eightbit=True)
            many = (
                recipient("b@other.test", notify="SUCCESS,DELAY", orcpt=b"rfc822;b+40other.test"),
                recipient("c@other.test", 1),
            )
            for body in (b"Hello.\r\n", LARGE):
                parcel, octets = await shop.prepared(HEAD, body, letter, EIGHT, *many)
                sent = parcel.transaction
                assert sent.sender == b"a@demo.test"
                assert sent.recipients == (
                    Sent(b"b@other.test", "SUCCESS,DELAY", "rfc822;b+40other.test"),
                    Sent(b"c@other.test"),
                )
                assert (sent.ret, sent.envid, sent.requiretls) == ("HDRS", "x+2B1", True)
                assert (sent.size, sent.is_eightbit) == (len(octets), True)
                assert not sent.needs_smtputf8
                assert not sent.disclaims_auth

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sender", "to", "needs"),
    [
        ("a@demo.test", "b@other.test", False),
        ("", "b@other.test", False),
        ("müller@demo.test", "b@other.test", True),
        ("a@demo.test", "müller@other.test", True),
        ("a@xn--bcher-kva.test", "b@other.test", False),
    ],
)
def test_addresses_beyond_ascii_need_smtputf8(
    database: Opener, data: Path, sender: str, to: str, needs: bool
) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            letter = queued(sender=sender)
            parcel, _ = await shop.prepared(HEAD, b"x\r\n", letter, UTF8, recipient(to))
            assert parcel.transaction.needs_smtputf8 is needs

    asyncio.run(run())


def test_only_some_recipients_are_in_a_parcel(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with opened(database, data) as shop:
            many = [recipient("b@other.test"), recipient("müller@other.test", 1)]
            one = await shop.loaded(HEAD, b"x\r\n", queued(), *many)
            parcel = await shop.contents.prepare(one, many[:1], EIGHT, 0)
            assert [r.address for r in parcel.transaction.recipients] == [b"b@other.test"]
            assert not parcel.transaction.needs_smtputf8

    asyncio.run(run())
