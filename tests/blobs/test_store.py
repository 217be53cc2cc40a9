"""Blobs and their rows."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from postroom.blobs.damage import BlobCorrupt
from postroom.blobs.store import GRACE_MS
from postroom.db.database import Database, Tx
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from tests.blobs.letters import HEAD, LARGE, SIZES, files, noise, put, store, text, write
from tests.conftest import Opener
from tests.fakes import START, Recorder


@pytest.mark.parametrize("size", SIZES)
def test_what_was_stored_is_read(database: Opener, data: Path, size: int) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            for body in (noise(size), text(size)):
                ident = (await put(blobs, db, body)).id
                assert await blobs.head(db, ident) == HEAD
                assert await blobs.body(db, ident) == body
                pieces = [piece async for piece in blobs.stream(db, ident)]
                assert b"".join(pieces) == HEAD + body
                assert max(map(len, pieces)) <= 1 << 20
                await blobs.verify(db, ident)
            assert not files(data / "blobs" / "tmp")

    asyncio.run(go())


@settings(
    max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(choice=strategies.data())
def test_any_part_is_the_same_part(
    database: Opener, data: Path, choice: strategies.DataObject
) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            for size in (0, 5_000, LARGE):
                body = noise(size)
                ident = (await put(blobs, db, body)).id
                whole = HEAD + body
                ends = strategies.integers(0, len(whole) + 10)
                for _ in range(10):
                    start = choice.draw(ends)
                    length = choice.draw(strategies.none() | ends)
                    end = None if length is None else start + length
                    assert await blobs.body(db, ident, start, length) == body[start:end]
                    pieces = [p async for p in blobs.stream(db, ident, start, length)]
                    assert b"".join(pieces) == whole[start:end]
            if db.engine == "sqlite":
                for path in files(data / "blobs"):
                    path.unlink()

    asyncio.run(go())


def test_a_huge_header_block_comes_in_pieces(database: Opener, data: Path) -> None:
    head = text((1 << 20) * 2 + 5)

    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            ident = (await put(blobs, db, b"body", head)).id
            pieces = [piece async for piece in blobs.stream(db, ident)]
            assert b"".join(pieces) == head + b"body"
            assert max(map(len, pieces)) <= 1 << 20

    asyncio.run(go())


def test_heads_of_many(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            made = [
                blobs.writer().write_small(b"Subject: %d\r\n\r\n" % number, b"")
                for number in range(2_500)
            ]
            large = blobs.writer().write_small(noise(200), b"")
            await db.write(lambda tx: blobs.insert(tx, [(blob, 1) for blob in made]))
            wanted = [blob.id for blob in made]
            found = await db.read(lambda tx: blobs.heads(tx, [*wanted, 5, wanted[0]]))
            assert found == {
                ident: b"Subject: %d\r\n\r\n" % number for number, ident in enumerate(wanted)
            }
            assert await db.read(lambda tx: blobs.heads(tx, [])) == {}
            some = await db.read(
                lambda tx: blobs.heads(tx, wanted[:5], total=2 * len(found[wanted[0]]))
            )
            assert some == {ident: found[ident] for ident in some}
            assert len(some) == 2
            await db.write(lambda tx: blobs.insert(tx, [(large, 1)]))
            for ids in ([large.id], [wanted[0], large.id]):
                some = await db.read(lambda tx, i=ids: blobs.heads(tx, i, most=100))  # type: ignore[misc]
                assert list(some) == ids[:-1]
                assert len(await db.read(lambda tx, i=ids: blobs.heads(tx, i))) == len(ids)  # type: ignore[misc]

    asyncio.run(go())


async def spoiled(db: Database, sql: str, ident: int) -> None:
    await db.write(lambda tx: tx.execute(sql, other=b"broken", id=ident))


def test_wholes_of_many(database: Opener, data: Path) -> None:
    recorder = Recorder()

    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            bodies = {(await put(blobs, db, noise(size))).id: noise(size) for size in SIZES}
            wanted = [5, *bodies]
            found = await db.read(lambda tx: blobs.wholes(tx, wanted))
            assert found == {ident: (HEAD, body) for ident, body in bodies.items()}
            assert not recorder.of(StorageTrouble)
            spoil = (
                "UPDATE blob SET head = :other WHERE id = :id",
                "UPDATE blob SET digest = :other WHERE id = :id",
                "UPDATE blob SET frames = :other WHERE id = :id",
                "UPDATE blob SET place = 9 WHERE id = :id AND head <> :other",
            )
            for sql, ident in zip(spoil, [wanted[1], wanted[2], wanted[8], wanted[3]], strict=True):
                await spoiled(db, sql, ident)
                with pytest.raises(BlobCorrupt):
                    await blobs.body(db, ident)
            assert await db.read(lambda tx: blobs.wholes(tx, wanted[1:4])) == {
                ident: (HEAD, bodies[ident]) for ident in wanted[1:4]
            }  # they were read lately
            blobs = store(data, db)
            found = await db.read(lambda tx: blobs.wholes(tx, wanted))
            assert sorted(found) == sorted([wanted[4], wanted[5], wanted[6], wanted[7]])
            if db.engine == "sqlite":
                for path in files(data / "blobs"):
                    path.unlink()
            else:
                await db.write(lambda tx: tx.execute("DELETE FROM blob_frame"))
            blobs = store(data, db)
            found = await db.read(lambda tx: blobs.wholes(tx, wanted))
            assert all(len(body) <= 65_536 for _, body in found.values())

    before = sink.install(recorder)
    try:
        asyncio.run(go())
    finally:
        sink.install(before)


def test_a_damaged_head_is_left_out_and_told(database: Opener, data: Path) -> None:
    recorder = Recorder()

    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            first = (await put(blobs, db, b"a")).id
            second = (await put(blobs, db, b"b")).id
            sql = "UPDATE blob SET head = :head WHERE id = :id"
            await db.write(lambda tx: tx.execute(sql, head=b"broken", id=first))
            assert await db.read(lambda tx: blobs.heads(tx, [first, second])) == {second: HEAD}
            with pytest.raises(BlobCorrupt):
                await blobs.head(db, first)

    before = sink.install(recorder)
    try:
        asyncio.run(go())
    finally:
        sink.install(before)
    assert len(recorder.of(StorageTrouble)) == 2


def test_references_are_counted_and_what_nobody_names_is_collected(
    database: Opener, data: Path
) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            small = await put(blobs, db, b"small", refs=3)
            large = await put(blobs, db, noise(LARGE), refs=1)
            await db.write(lambda tx: blobs.retain(tx, {small.id: 1, large.id: 2}))
            await db.write(lambda tx: blobs.release(tx, {small.id: 4, large.id: 2}, START))
            assert await references(db) == {small.id: (0, START), large.id: (1, None)}
            await db.write(lambda tx: blobs.release(tx, {large.id: 1}, START))
            await db.write(lambda tx: blobs.retain(tx, {large.id: 1}))
            assert await references(db) == {small.id: (0, START), large.id: (1, None)}

            assert await blobs.collect(db, START + GRACE_MS - 1) == 0
            assert await blobs.collect(db, START + GRACE_MS) == 1
            assert await references(db) == {large.id: (1, None)}
            await blobs.verify(db, large.id)

            await db.write(lambda tx: blobs.release(tx, {large.id: 1}, START))
            assert await blobs.collect(db, START + GRACE_MS) == 1
            assert await references(db) == {}
            assert not files(data / "blobs")
            assert await db.read(lambda tx: tx.one("SELECT count(*) FROM blob_frame")) == (0,)

    asyncio.run(go())


async def references(db: Database) -> dict[int, tuple[int, int | None]]:
    rows = await db.read(lambda tx: tx.all("SELECT id, refs, freed_at FROM blob"))
    return {row[0]: (row[1], row[2]) for row in rows}


def test_a_collected_blob_can_not_be_retained(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            with pytest.raises(BlobCorrupt, match="missing"):
                await db.write(lambda tx: blobs.retain(tx, {77: 1}))

    asyncio.run(go())


def test_parts_of_a_large_body_are_read_once(database: Opener, data: Path) -> None:
    """What the disk has lost meanwhile is still there for who reads on, and for nobody else."""

    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            body = noise(LARGE)
            ident = (await put(blobs, db, body)).id
            assert await blobs.part(db, ident, 10, 100) == body[10:110]
            assert await blobs.part(db, ident, (1 << 20) - 5, 10) == body[(1 << 20) - 5 :][:10]
            for path in files(data / "blobs"):
                path.unlink()
            if db.engine == "postgres":
                await db.write(lambda tx: tx.execute("DELETE FROM blob_frame"))
            assert await blobs.part(db, ident, 500, 2_000_000 - 500) == body[500:2_000_000]
            assert await blobs.part(db, ident, 5, 0) == b""
            for start, length in ((0, LARGE), (LARGE - 1, 100)):
                with pytest.raises(BlobCorrupt):
                    await blobs.part(db, ident, start, length)
            with pytest.raises(BlobCorrupt):
                await blobs.body(db, ident, 10, 100)
            await db.write(lambda tx: blobs.release(tx, {ident: 1}, START))
            await blobs.erase(db, [ident])
            with pytest.raises(BlobCorrupt, match="missing"):
                await blobs.part(db, ident, 10, 100)

    asyncio.run(go())


@pytest.mark.parametrize("keep", [False, True])
def test_who_goes_through_leaves_nothing_behind(keep: bool, database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            ident = (await put(blobs, db, b"small")).id
            found = await db.read(lambda tx: blobs.wholes(tx, [ident], keep=keep))
            assert found == {ident: (HEAD, b"small")}
            await spoiled(db, "UPDATE blob SET digest = :other WHERE id = :id", ident)
            found = await db.read(lambda tx: blobs.wholes(tx, [ident]))
            assert list(found) == [ident] * keep

    asyncio.run(go())


def test_what_nobody_names_can_be_erased_at_once(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            small, kept = await put(blobs, db, b"small"), await put(blobs, db, b"kept")
            large = await put(blobs, db, noise(LARGE))
            assert await db.read(blobs.freed) == 0
            await db.write(lambda tx: blobs.release(tx, {small.id: 1, large.id: 1}, START))
            assert await db.read(blobs.freed) == 2 * len(HEAD) + 5 + LARGE
            read = [small.id, kept.id]
            assert sorted(await db.read(lambda tx: blobs.wholes(tx, read))) == read
            await blobs.erase(db, [5, small.id, kept.id, large.id])
            assert list(await db.read(lambda tx: blobs.wholes(tx, read))) == [kept.id]
            assert await references(db) == {kept.id: (1, None)}
            assert not files(data / "blobs")
            assert await db.read(lambda tx: tx.one("SELECT count(*) FROM blob_frame")) == (0,)
            await blobs.erase(db, [])
            await blobs.erase(db, range(2_500))

    asyncio.run(go())


def test_collecting_goes_in_chunks(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            made = [blobs.writer().write_small(HEAD, b"") for _ in range(2_001)]
            await db.write(lambda tx: blobs.insert(tx, [(blob, 1) for blob in made]))
            await db.write(lambda tx: blobs.release(tx, {blob.id: 1 for blob in made}, START))
            assert await blobs.collect(db, START + GRACE_MS) == 2_001

    asyncio.run(go())


def test_an_insert_that_is_rolled_back_leaves_no_row(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            blob = await write(blobs, noise(LARGE))

            def fail(tx: Tx) -> None:
                blobs.insert(tx, [(blob, 1)])
                raise LookupError

            with pytest.raises(LookupError):
                await db.write(fail)
            assert await references(db) == {}
            await db.write(lambda tx: blobs.insert(tx, [(blob, 1)]))
            await blobs.inserted(blob)
            await blobs.verify(db, blob.id)

    asyncio.run(go())
