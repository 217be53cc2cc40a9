"""Reading: what is served is what was stored, whichever octet on the disk is changed."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.blobs.damage import BlobCorrupt
from postroom.blobs.frames import FRAME
from postroom.blobs.store import BlobStore
from postroom.db.database import Database, Row
from tests.blobs.letters import HEAD, LARGE, noise, put, store, text
from tests.conftest import Opener

COLUMNS = ("head", "head_size", "body", "body_size", "place", "frames", "digest")


async def columns(db: Database, ident: int) -> Row:
    sql = f"SELECT {', '.join(COLUMNS)} FROM blob WHERE id = :id"
    row = await db.read(lambda tx: tx.one(sql, id=ident))
    assert row is not None
    return row


async def change(db: Database, ident: int, column: str, value: object) -> None:
    sql = f"UPDATE blob SET {column} = :value WHERE id = :id"
    await db.write(lambda tx: tx.execute(sql, value=value, id=ident))


async def served_or_refused(blobs: BlobStore, db: Database, ident: int, body: bytes) -> bool:
    """Whether all ways to read refuse; wrong octets are never served."""
    refused = 0
    whole = await db.read(lambda tx: blobs.wholes(tx, [ident], keep=False))
    assert whole in ({}, {ident: (HEAD, body)})
    refused += not whole
    try:
        assert await blobs.body(db, ident) == body
    except BlobCorrupt:
        refused += 1
    try:
        assert b"".join([piece async for piece in blobs.stream(db, ident)]) == HEAD + body
    except BlobCorrupt:
        refused += 1
    try:
        await blobs.verify(db, ident)
    except BlobCorrupt:
        refused += 1
    assert refused in {0, 4}
    return refused == 4


def flipped(octets: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(octets)
    changed[at] ^= 1 << bit
    return bytes(changed)


def test_any_flipped_octet_of_a_row_is_found(database: Opener, data: Path) -> None:
    body = text(300)

    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            ident = (await put(blobs, db, body)).id
            row = await columns(db, ident)
            found = tried = 0
            for column, value in zip(COLUMNS, row, strict=True):
                if not isinstance(value, bytes):
                    continue
                for at in range(len(value)):
                    await change(db, ident, column, flipped(value, at, at % 8))
                    found += await served_or_refused(blobs, db, ident, body)
                    tried += 1
                await change(db, ident, column, value)
            assert found >= tried - 4  # bits that zstd does not look at change nothing
            assert not await served_or_refused(blobs, db, ident, body)

    asyncio.run(go())


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("head_size", 3),
        ("head_size", 9999),
        ("body_size", 3),
        ("body_size", 9999),
        ("head_size", -1),
        ("body_size", -1),
        ("body_size", 1 << 60),
        ("place", 1),
        ("place", 2),
        ("place", 7),
        ("body", None),
        ("body", b""),
        ("head", b""),
        ("digest", b""),
    ],
)
def test_columns_that_do_not_fit_are_found(
    database: Opener, data: Path, column: str, value: object
) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            ident = (await put(blobs, db, b"body\r\n")).id
            await change(db, ident, column, value)
            assert await served_or_refused(blobs, db, ident, b"body\r\n")

    asyncio.run(go())


@pytest.mark.parametrize(
    ("column", "value"),
    [("body", b""), ("head", b"rubbish"), ("digest", bytes(32)), ("body_size", 1 << 60)],
)
def test_a_damaged_one_keeps_no_other_from_its_reader(
    database: Opener, data: Path, column: str, value: object
) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            bodies = [text(lines) for lines in (1, 0, 30, 5)] + [noise(100_000)]
            idents = [(await put(blobs, db, body)).id for body in bodies]
            expected = {i: (HEAD, body) for i, body in zip(idents, bodies, strict=True)}
            assert await db.read(lambda tx: blobs.wholes(tx, idents, keep=False)) == expected
            await change(db, idents[2], column, value)
            del expected[idents[2]]
            assert await db.read(lambda tx: blobs.wholes(tx, idents, keep=False)) == expected

    asyncio.run(go())


Way = Callable[[bytes], bytes]


def change_file(path: Path, way: Way) -> None:
    path.write_bytes(way(path.read_bytes()))


async def damage_large(db: Database, path: str | None, change_octets: Way) -> None:
    """Change the stored octets of a large body, in its file or its second frame."""
    if db.engine == "sqlite":
        assert path is not None
        change_file(Path(path), change_octets)
        return
    row = await db.read(lambda tx: tx.one("SELECT octets FROM blob_frame WHERE number = 1"))
    assert row is not None
    octets = change_octets(row[0])
    await db.write(
        lambda tx: tx.execute("UPDATE blob_frame SET octets = :o WHERE number = 1", o=octets)
    )


def test_any_change_of_a_large_body_is_found(database: Opener, data: Path) -> None:
    body = noise(LARGE)
    choice = random.Random(5)

    def flip(octets: bytes) -> bytes:
        return flipped(octets, choice.randrange(len(octets)), choice.randrange(8))

    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            blob = await put(blobs, db, body)
            saved: list[bytes] = []

            def keep(octets: bytes) -> bytes:
                saved.append(octets)
                return octets

            await damage_large(db, blob.path, keep)
            for way in (flip, flip, flip, lambda o: o[:-1], lambda _o: b"", lambda o: o[1:]):
                await damage_large(db, blob.path, way)
                assert await served_or_refused(blobs, db, blob.id, body)
                await damage_large(db, blob.path, lambda _octets: saved[0])
            assert not await served_or_refused(blobs, db, blob.id, body)

    asyncio.run(go())


def test_a_part_touches_only_its_frames(database: Opener, data: Path) -> None:
    body = noise(LARGE)

    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            blob = await put(blobs, db, body)
            await damage_large(
                db,
                blob.path,
                lambda octets: flipped(octets, (1 << 20) + 99 if db.engine == "sqlite" else 9, 0),
            )
            assert await blobs.body(db, blob.id, 0, FRAME) == body[:FRAME]
            assert await blobs.body(db, blob.id, 2 * FRAME, 50) == body[2 * FRAME :][:50]
            with pytest.raises(BlobCorrupt):
                await blobs.body(db, blob.id, FRAME - 1, 2)

    asyncio.run(go())


def test_what_is_missing_is_corrupt(database: Opener, data: Path) -> None:
    async def go() -> None:
        async with database() as db:
            blobs = store(data, db)
            for read in (blobs.head(db, 5), blobs.body(db, 5), blobs.verify(db, 5)):
                with pytest.raises(BlobCorrupt, match="missing"):
                    await read
            blob = await put(blobs, db, noise(LARGE))
            if db.engine == "sqlite":
                blobs.files.remove(blob.id)
            else:
                await db.write(lambda tx: tx.execute("DELETE FROM blob_frame WHERE number = 2"))
            with pytest.raises(BlobCorrupt, match="missing"):
                await blobs.body(db, blob.id)

    asyncio.run(go())
