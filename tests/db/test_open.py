"""The one way in."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from postroom.db.database import Tx
from postroom.db.folder import DATABASE
from postroom.db.migrate import available
from postroom.db.open import now_ms, open_database
from postroom.errors import Refused
from tests.fakes import START

OPENER = """
import asyncio, sys
from pathlib import Path
from postroom.db.open import open_database
async def go():
    db = await open_database(Path(sys.argv[1]))
    await db.close()
asyncio.run(go())
"""


def refused(data: Path, match: str, url: str | None = None) -> None:
    async def go() -> None:
        with pytest.raises(Refused, match=match):
            await open_database(data, url)

    asyncio.run(go())


def test_all_files_are_private(data: Path) -> None:
    async def go() -> None:
        db = await open_database(data / "new")
        await db.write(lambda tx: tx.execute("DELETE FROM version WHERE name = 'x'"))
        assert (data / "new").stat().st_mode & 0o777 == 0o700
        modes = {path.name: path.stat().st_mode & 0o777 for path in (data / "new").iterdir()}
        assert {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "write.lock"} <= modes.keys()
        assert set(modes.values()) == {0o600}
        await db.close()

    asyncio.run(go())


def test_opened_again_nothing_is_lost(data: Path) -> None:
    def add(value: int) -> Callable[[Tx], int]:
        sql = "INSERT INTO version (name, value) VALUES (:name, :value)"
        return lambda tx: tx.execute(sql, name=f"v{value}", value=value)

    async def go() -> None:
        for value in range(3):
            db = await open_database(data, clock=lambda: START)
            await db.write(add(value))
            count = await db.read(
                lambda tx: tx.one("SELECT count(*) FROM version WHERE name >= 'v'")
            )
            assert count == (value + 1,)
            versions = await db.read(lambda tx: tx.all("SELECT applied FROM schema_version"))
            assert versions == [(START,)] * len(available())
            await db.close()

    asyncio.run(go())


def test_many_processes_may_open_a_new_folder_at_once(data: Path) -> None:
    programs = [
        subprocess.Popen([sys.executable, "-c", OPENER, str(data / "new")], stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [program.communicate()[1] for program in programs] == [b""] * 3
    assert [program.returncode for program in programs] == [0] * 3


def test_a_newer_schema_is_refused(data: Path) -> None:
    async def go() -> None:
        db = await open_database(data)
        await db.write(
            lambda tx: tx.execute("INSERT INTO schema_version VALUES (9999, 'future', 0)")
        )
        await db.close()

    asyncio.run(go())
    refused(data, "newer Postroom")


def test_a_file_that_is_no_database_is_refused(data: Path) -> None:
    (data / DATABASE).write_bytes(b"something else entirely" * 1000)
    refused(data, "can't be opened.*postroom doctor")


def test_a_full_disk_is_called_by_its_name(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / DATABASE).write_bytes(b"something else entirely" * 1000)
    monkeypatch.setattr("postroom.db.open._LEAST_ROOM", 1 << 80)
    refused(data, "the disk is full: make room")


def test_a_database_that_is_a_link_is_refused(data: Path) -> None:
    (data / DATABASE).symlink_to(data / "other")
    refused(data, "can't be opened")
    assert not (data / "other").exists()


def test_postgres_without_its_extra_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name == "postroom.db.postgres":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    refused(data, r"pip install 'postroom\[postgres\]'", "postgresql://127.0.0.1/x")


def test_the_clock_is_utc_milliseconds() -> None:
    assert 1_700_000_000_000 < now_ms() < 2**42


def test_a_crash_image_opens(data: Path, tmp_path: Path) -> None:
    """The files as a kill leaves them: WAL not moved, no orderly close."""

    async def go() -> None:
        db = await open_database(data)
        await db.write(lambda tx: tx.execute("INSERT INTO version (name, value) VALUES ('v', 1)"))
        (tmp_path / "image").mkdir(mode=0o700)
        for suffix in ("", "-wal"):
            name = f"{DATABASE}{suffix}"
            (tmp_path / "image" / name).write_bytes((data / name).read_bytes())
        await db.close()
        db = await open_database(tmp_path / "image")
        assert await db.read(lambda tx: tx.one("SELECT value FROM version WHERE name = 'v'")) == (
            1,
        )
        await db.close()

    asyncio.run(go())
    with closing(apsw.Connection(str(data / DATABASE))) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
