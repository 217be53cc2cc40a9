"""Sweeps: whatever stands in them or in the rows, everybody sees the same."""

import asyncio
import random
from pathlib import Path

import pytest

from postroom.db.database import Database
from postroom.store import blocks, entries, listing, seen, sweeps
from postroom.store.entries import FlagChange, Quiet
from postroom.store.filing import file_letters
from postroom.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from postroom.store.spans import Span, span_of
from tests.access.shop import audit, put, shop
from tests.conftest import Opener
from tests.store.letters import copy, query, read, write

NOW = 1_790_000_000_000
SIZE = blocks.SIZE
SWEEPS = "SELECT block, since, modseq, mask, bits, whole FROM entry_sweep ORDER BY block"
RAW = "SELECT uid, flags, modseq FROM entry WHERE mailbox_id = 1 ORDER BY uid"
EVERYTHING = Span(1, 10_000)

State = dict[int, tuple[int, int]]  # flags and MODSEQ by UID


async def fill(db: Database, letters: int, flags: int = 0) -> None:
    await db.write(
        lambda tx: file_letters(tx, [[copy(1, flags=flags)] for _ in range(letters)], NOW)
    )


async def store(db: Database, action: entries.Action, bits: int, span: Span = EVERYTHING) -> int:
    return (await write(db, entries.update_flags, 1, 1, span, FlagChange(action, bits))).modseq


async def shown(db: Database, member: int | None = None) -> State:
    rows = await read(db, listing.page, 1, EVERYTHING, member)
    return {row[0]: (row[1], row[3]) for row in rows}


def test_whole_blocks_are_one_row(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 3 * SIZE)
            before = await read(db, query, RAW)
            assert await read(db, query, SWEEPS) == []
            first = await store(db, "add", FLAGGED)
            one = (first, first, FLAGGED, FLAGGED, 0)
            assert await read(db, query, SWEEPS) == [(n, *one) for n in range(4)]
            assert await read(db, query, RAW) == before
            assert set((await shown(db)).values()) == {(FLAGGED, first)}
            assert await store(db, "add", FLAGGED) == 0
            last = await store(db, "remove", FLAGGED)
            assert last == first + 1
            assert await read(db, query, SWEEPS) == [
                (n, first, last, FLAGGED, 0, 1) for n in range(4)
            ]
            assert set((await shown(db)).values()) == {(0, last)}
            other = await store(db, "add", ANSWERED)  # settles the other flag
            assert (await read(db, query, RAW))[0][1:] == (0, last)
            assert set((await shown(db)).values()) == {(ANSWERED, other)}

    asyncio.run(run())


def test_parts_of_blocks_few_blocks_and_flags_with_an_index_are_rows(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 3 * SIZE)
            for action, bits, span in (
                ("add", FLAGGED, Span(1, 2 * SIZE - 2)),  # one whole block
                ("remove", FLAGGED, Span(SIZE, 2 * SIZE)),
                ("add", DRAFT, Span(1, 3 * SIZE, tuple(range(1, 3 * SIZE, 7)))),
                ("add", SEEN | FLAGGED, EVERYTHING),
                ("add", DELETED, EVERYTHING),
                ("replace", ANSWERED, EVERYTHING),
            ):
                assert await store(db, action, bits, span)  # type: ignore[arg-type]
                assert await read(db, query, SWEEPS) == []
            modseq = await store(db, "add", FLAGGED, Span(5, 2 * SIZE + 5))
            assert await read(db, query, SWEEPS) == []
            modseq = await store(db, "add", DRAFT, Span(5, 3 * SIZE - 1))
            assert [row[0] for row in await read(db, query, SWEEPS)] == [1, 2]
            assert await read(db, listing.changed, 1, modseq - 1, 9999) == [*range(5, 3 * SIZE)]

    asyncio.run(run())


def test_who_is_alike_keeps_its_modseq(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 2 * SIZE)
            some = await store(db, "add", FLAGGED, Span(7, 9))
            swept = await store(db, "add", FLAGGED)
            state = await shown(db)
            assert state[8] == (FLAGGED, some)
            assert state[10] == (FLAGGED, swept)
            assert await read(db, listing.changed, 1, some, 9999) == [
                *range(1, 7), *range(10, 2 * SIZE + 1)
            ]  # fmt: skip
            await fill(db, 2)  # behind the sweep, in its last block
            new = await shown(db)
            assert {uid: new[uid] for uid in state} == state
            assert new[2 * SIZE + 1][0] == 0
            single = await store(db, "add", FLAGGED, Span(2 * SIZE + 1, 2 * SIZE + 1))
            back = await store(db, "remove", FLAGGED)
            new = await shown(db)
            assert new.pop(2 * SIZE + 2)[1] < single
            assert set(new.values()) == {(0, back)}

    asyncio.run(run())


def test_random_changes_are_those_of_a_model(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STORE of every kind, new messages, expunges, copies; with members, whole and in parts."""
    monkeypatch.setattr(sweeps, "FEWEST", 1)
    draw = random.Random(7)
    member = 9

    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as shelf:
            db = shelf.db
            await put(shelf, *[b"A: b\r\n\r\n"] * 700)
            model: State = await shown(db)
            theirs: set[int] = set()  # what the member has seen
            swept = 0
            for _ in range(120):
                top = max(model)
                low = draw.choice((1, 1, 1, draw.randrange(1, top + 1)))
                span = Span(low, draw.choice((top, top, draw.randrange(low, top + 1))))
                if draw.random() < 0.2:
                    listed = sorted(draw.sample(sorted(model), 5))
                    span = span_of(listed)
                match draw.randrange(12):
                    case 0:
                        await put(shelf, *[b"A: c\r\n\r\n"] * draw.randrange(1, 90), flags=FLAGGED)
                        fresh = await shown(db)
                        assert {uid: fresh[uid] for uid in model} == model
                        model = fresh
                    case 1:
                        some = Span(low, min(low + 40, top))
                        await shelf.expunge(1, 1, some, flagged=False)
                        model = {u: v for u, v in model.items() if not some.first <= u <= some.last}
                    case 2:
                        assert await read(db, sweeps.rows, 1, None)
                        await shelf.settle_sweeps()
                        assert await read(db, query, SWEEPS) == []
                    case _:
                        bits = draw.choice(
                            (FLAGGED, FLAGGED, FLAGGED, ANSWERED, DRAFT | FLAGGED, SEEN)
                        )
                        action = draw.choice(("add", "add", "remove", "remove", "replace"))
                        since = draw.choice(
                            (None, None, None, draw.choice(list(model.values()))[1])
                        )
                        change = FlagChange(action, bits, unchanged_since=since)  # type: ignore[arg-type]
                        who = draw.choice((None, None, member))
                        meant = {
                            uid for uid in model
                            if span.first <= uid <= span.last
                            and (span.listed is None or uid in span.listed)
                        }  # fmt: skip
                        seen_by = await shown(db, member)
                        if since is not None:
                            if span.listed is None:
                                span = span_of(sorted(meant)[:900]) if meant else span
                                meant &= set(span.listed or range(span.first, span.last + 1))
                            view = seen_by if who else model
                            meant = {uid for uid in meant if view[uid][1] <= since}
                        done = await write(
                            db, entries.update_flags, 1, 1, span, change,
                            Quiet(1 << 62) if draw.random() < 0.5 else None, member=who,
                        )  # fmt: skip
                        apply(model, theirs, meant, change, who, done.modseq)
                swept += len(await read(db, query, SWEEPS))
                assert await shown(db) == model
                assert {u: v[0] for u, v in (await shown(db, member)).items()} == {
                    u: v[0] & ~SEEN | (u in theirs) for u, v in model.items()
                }
                last = max(modseq for _, modseq in model.values())
                mark = draw.randrange(1, last + 1)
                assert await read(db, listing.changed, 1, mark, 99_999) == [
                    uid for uid, (_, modseq) in model.items() if modseq > mark
                ]
                assert await db.read(lambda tx: blocks.wrong(tx, 0, 99)) == set()
            assert swept > 40
            await shelf.write(seen.forget_member, member)
            await audit(shelf)

    asyncio.run(run())


def apply(
    model: State, theirs: set[int], uids: set[int], change: FlagChange, who: int | None, modseq: int
) -> None:
    """What a STORE does."""
    has_changed = False
    values = change.values()
    for uid in uids:
        flags, before = model[uid]
        new = flags & values["kept"] | values["bits"]
        if who is not None:
            has_seen = bool((SEEN * (uid in theirs)) & values["kept"] | values["bits"] & SEEN)
            has_changed |= has_seen != (uid in theirs)
            theirs ^= {uid} if has_seen != (uid in theirs) else set()
            new = new & ~SEEN | flags & SEEN
        has_changed |= new != flags
        model[uid] = (new, before if new == flags else modseq)
    assert has_changed == bool(modseq)


def test_copies_have_what_was_swept(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, keeps_expunged=True) as shelf:
            await put(shelf, *[b"A: b\r\n\r\n"] * (2 * SIZE))
            await store(shelf.db, "add", FLAGGED)
            await shelf.expunge(1, 1, Span(1, 3), flagged=False)
            kept = await shelf.read(query, "SELECT DISTINCT flags FROM expunged")
            assert kept == [(FLAGGED,)]
            await shelf.expunge(1, 1, Span(4, 2 * SIZE), flagged=False)
            assert await shelf.read(query, SWEEPS) == []
            await audit(shelf)

    asyncio.run(run())


def test_blocks_name_what_was_swept(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await fill(db, 2 * SIZE)
            modseq = await store(db, "add", FLAGGED)
            rows = await read(db, query, "SELECT modseq FROM entry_block")
            assert rows == [(modseq,)] * 3
            await db.write(lambda tx: tx.execute("UPDATE entry_block SET modseq = modseq - 1"))
            assert await db.read(lambda tx: blocks.wrong(tx, 0, 9)) == {1}
            await write(db, blocks.recount, 1)
            assert await db.read(lambda tx: blocks.wrong(tx, 0, 9)) == set()
            assert await read(db, query, "SELECT modseq FROM entry_block") == rows

    asyncio.run(run())
