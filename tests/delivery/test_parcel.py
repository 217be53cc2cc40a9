"""A message in one piece or in blocks."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from postroom.delivery.parcel import Parcel
from postroom.protocol.smtp.client_transaction import Transaction

TRANSACTION = Transaction(sender=b"a@demo.test", recipients=())


async def blocks(parcel: Parcel) -> list[bytes]:
    return [block async for block in parcel.blocks()]


def test_a_whole_message_is_one_block() -> None:
    assert asyncio.run(blocks(Parcel(1, TRANSACTION, b"Subject: x\r\n\r\n"))) == [
        b"Subject: x\r\n\r\n"
    ]
    assert b"".join(asyncio.run(blocks(Parcel(1, TRANSACTION, b"")))) == b""


def test_a_large_one_can_be_read_again() -> None:
    async def stream() -> AsyncIterator[bytes]:
        for block in (b"Subject: x\r\n\r\n", b"large"):
            yield block

    parcel = Parcel(1, TRANSACTION, None, stream)
    for _ in range(2):
        assert asyncio.run(blocks(parcel)) == [b"Subject: x\r\n\r\n", b"large"]


def test_what_breaks_reading_breaks_the_blocks() -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield b"Subject: x\r\n\r\n"
        raise OSError("the disk")

    with pytest.raises(OSError, match="the disk"):
        asyncio.run(blocks(Parcel(1, TRANSACTION, None, stream)))
