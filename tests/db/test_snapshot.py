"""Copies of a database in use."""

import asyncio
from pathlib import Path

import pytest

from postroom.db import snapshot
from postroom.db.folder import DATABASE
from postroom.db.migrate import available
from postroom.db.open import open_database
from postroom.errors import Refused


def test_a_copy_is_of_one_moment_while_others_write(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    async def run() -> None:
        db = await open_database(data)
        try:
            rows = [(number, bytes(3000)) for number in range(6000)]
            await db.write(
                lambda tx: tx.many(
                    "INSERT INTO fingerprint (name, digest) VALUES (CAST(? AS TEXT), ?)", rows
                )
            )
            loop = asyncio.get_running_loop()
            wrote: list[object] = []

            def progress(_done: int, _total: int) -> None:
                if not wrote:  # in the middle of it: both rows or none
                    future = asyncio.run_coroutine_threadsafe(
                        db.write(lambda tx: tx.execute("DELETE FROM fingerprint")), loop
                    )
                    wrote.append(future.result())

            await asyncio.to_thread(snapshot.take, data / DATABASE, copy, progress)
            assert wrote == [6000]
            left = await db.read(lambda tx: tx.one("SELECT count(*) FROM fingerprint"))
            assert left == (0,)
        finally:
            await db.close()

    asyncio.run(run())
    assert snapshot.faults(copy) == []
    assert snapshot.schema(copy) == available()[-1].number
    with snapshot._opened(copy) as connection:
        assert connection.execute("SELECT count(*) FROM fingerprint").fetchall() == [(6000,)]
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith("copy")] == ["copy"]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_nothing_is_written_over(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").touch()
    with pytest.raises(FileExistsError):
        snapshot.take(data / DATABASE, tmp_path / "copy", lambda _done, _total: None)


def test_the_bodies_that_a_copy_names(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        db = await open_database(data)
        insert = (
            "INSERT INTO blob (id, head, body, place, head_size, body_size, digest, refs)"
            " VALUES (?, ?, NULL, ?, 0, 0, ?, 1)"
        )
        rows = [(3, b"", 1, b""), (1, b"", 1, b""), (2, b"", 0, b"")]
        await db.write(lambda tx: tx.many(insert, rows))
        await db.close()

    asyncio.run(run())
    snapshot.take(data / DATABASE, tmp_path / "copy", lambda _done, _total: None)
    assert list(snapshot.body_files(tmp_path / "copy")) == [1, 3]


@pytest.mark.parametrize("octets", [b"", b"nonsense" * 100])
def test_what_is_no_database_is_said(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "a b?c#d%"
    path.write_bytes(octets)
    with pytest.raises(Refused, match="is no database that can be read"):
        snapshot.schema(path)


def test_damaged_pages_are_found(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        await (await open_database(data)).close()

    asyncio.run(run())
    copy = tmp_path / "copy"
    snapshot.take(data / DATABASE, copy, lambda _done, _total: None)
    octets = bytearray(copy.read_bytes())
    octets[4096:12288] = b"\xff" * 8192
    copy.write_bytes(octets)
    assert snapshot.faults(copy)
