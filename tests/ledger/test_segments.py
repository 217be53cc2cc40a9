"""Segments: a thousand letters behind one row of hashes."""

import asyncio

from hypothesis import given, strategies as st

from postroom.db.database import Tx
from postroom.db.ids import first_id_at
from postroom.ledger import rows, segments
from postroom.ledger.rows import Fact
from postroom.ledger.segments import SETTLED_MS, Segment, key_of
from tests.conftest import Opener
from tests.fakes import START
from tests.ledger.test_rows import entry


def fill(tx: Tx, count: int, *, first: int = 0) -> None:
    ids = [first_id_at(START + number) for number in range(first, first + count)]
    rows.add(
        tx,
        [entry(ident, message_id=f"m{ident}", sender=f"s{ident % 9}@x") for ident in ids],
        [
            Fact(ident, 1, START, "filed", f"r{ident >> 21}@y", (ident >> 21) % 50 + 1)
            for ident in ids
        ],
    )


@given(st.sets(st.text(max_size=5), max_size=200), st.text(max_size=5))
def test_a_segment_knows_what_it_holds(words: set[str], other: str) -> None:
    segment = Segment(1, 2, b"".join(sorted({key_of(word) for word in words})))
    assert all(segment.may_hold(key_of(word)) for word in words)
    expected = key_of(other) in {key_of(word) for word in words}
    assert segment.may_hold(key_of(other)) is expected


def test_a_hash_is_found_only_where_one_begins() -> None:
    assert not Segment(1, 2, b"\x01\x02\x03\x04\x05\x06\x07\x08").may_hold(b"\x03\x04\x05\x06")
    shifted = Segment(1, 2, b"\x00\x01\x01\x01\x01\x01\x01\x01")
    assert shifted.may_hold(b"\x01\x01\x01\x01")


def test_a_segment_is_made_of_a_thousand_settled_letters(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: fill(tx, 2500))
            assert await segments.extend(db, START + SETTLED_MS + 500) == 0
            assert await segments.extend(db, START + SETTLED_MS + 1500) == 1
            assert await segments.extend(db, START + SETTLED_MS + 10_000) == 1
            assert await segments.extend(db, START + SETTLED_MS + 10_000) == 0
            found = await db.read(lambda tx: segments.below(tx, 1 << 62, 10))
            assert [one.last_id for one in found] == [
                first_id_at(START + 1999),
                first_id_at(START + 999),
            ]
            assert found[0].first_id == found[1].last_id + 1
            assert found[1].first_id == 1
            assert await db.read(segments.covered) == first_id_at(START + 1999)
            oldest = found[1]
            assert oldest.may_hold(key_of(f"m{first_id_at(START + 5)}"))
            assert oldest.may_hold(key_of(f"r{START + 5}@y"))
            assert oldest.may_hold(key_of("s3@x"))
            assert oldest.may_hold(segments.key_of_account((START + 5) % 50 + 1))
            assert not oldest.may_hold(key_of(f"m{first_id_at(START + 1005)}"))

    asyncio.run(run())


def test_the_lowest_id_of_a_time() -> None:
    assert first_id_at(START) == START << 21
    assert first_id_at(-5) == 0
