"""What is kept of a large message, and what is not."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from postroom.intake import excerpt
from postroom.intake.arrival import Arrival
from postroom.intake.excerpt import MAX_BEGINNING, MAX_LATER, Excerpt
from postroom.message.scan import scan
from postroom.sieve.mime import walk
from tests.conftest import Opener
from tests.intake.desk import desk

HEAD = b'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
FILE = b"--b\r\nContent-Type: application/pdf\r\n\r\n"


class Spooled(Arrival):
    """One that hands its body out in pieces of this size, as if it lay on the disk."""

    def __init__(self, octets: bytes, size: int) -> None:
        self.head, self._whole, self._size = octets[: len(HEAD)], octets[len(HEAD) :], size
        self._part = scan(octets)

    async def body(self) -> AsyncIterator[bytes]:
        for at in range(0, len(self._whole), self._size):
            yield self._whole[at : at + self._size]


def seen(octets: bytes, size: int = 100_000) -> Excerpt:
    return asyncio.run(excerpt.read(Spooled(octets, size)))


def test_what_comes_later() -> None:
    file = FILE + b"x" * MAX_BEGINNING + b"\r\n"
    text = b"--b\r\nX-A: 1\r\n\r\nwords\r\n"
    octets = HEAD + file + text + FILE + b"y" * 500 + b"\r\n--b--\r\n"
    found = seen(octets)
    assert found.beginning == octets[len(HEAD) :][:MAX_BEGINNING]
    assert list(found.later.values()) == [
        b"X-A: 1\r\n\r\n", b"words", b"Content-Type: application/pdf\r\n\r\n"
    ]  # fmt: skip
    for start, piece in found.later.items():
        assert octets[start:].startswith(piece)


def test_texts_without_end_are_cut() -> None:
    octets = HEAD + FILE + b"x" * MAX_BEGINNING + b"\r\n--b\r\n\r\n" + b"y" * 3 * MAX_LATER
    assert sum(map(len, seen(octets).later.values())) == MAX_LATER


@given(st.integers(1, 200), st.lists(st.integers(0, 60), max_size=6))
def test_pieces_do_not_matter(size: int, lengths: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(excerpt, "MAX_BEGINNING", 100)
        parts = b"".join(b"--b\r\nX-A: %d\r\n\r\n%b\r\n" % (one, b"t" * one) for one in lengths)
        octets = HEAD + parts + b"--b--\r\n"
        found = seen(octets, size)
        known = len(HEAD) + 100
        assert found.beginning == octets[len(HEAD) : known]
        for part in walk(scan(octets)):
            if part.body_start > known:
                assert found.later[part.header_start] == octets[part.header_start : part.body_start]


def test_of_a_real_one(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            arrival = Arrival(here.blobs, max_message=0, mends=False)
            octets = HEAD + FILE + b"x" * 2_000_000 + b"\r\n--b\r\n\r\nwords\r\n--b--\r\n"
            await arrival.take(octets)
            await arrival.finish()
            found = await excerpt.read(arrival)
            assert len(found.beginning) == MAX_BEGINNING
            assert list(found.later.values()) == [b"\r\n", b"words"]
            await arrival.abort()

    asyncio.run(run())
