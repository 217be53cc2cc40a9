"""A backup comes back, whole or not at all."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from postroom.admin.backup import copying, layout, restore, taking, verify
from postroom.admin.backup.taking import Order
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.db.folder import DATABASE
from postroom.errors import Refused
from postroom.post.commit import Post
from postroom.post.notice import written
from tests.access.shop import audit
from tests.admin.backup.vault import ALICE, SMALL, config, large, letters, town
from tests.admin.bureau import logs_in
from tests.databases import fresh
from tests.powercut import Disk
from tests.store.letters import query

CONTENT = (
    "SELECT b.name, e.uid, e.flags, e.received, m.size, m.blob_id FROM entry e"
    " JOIN mailbox b ON b.id = e.mailbox_id JOIN message m ON m.account_id = e.account_id"
    " AND m.id = e.message_id ORDER BY b.name, e.uid"
)
VALIDITY = "SELECT id, uidvalidity FROM mailbox ORDER BY id"


async def content(office: Office) -> list[Any]:
    rows = await office.store.read(query, CONTENT)
    for row in rows:
        await office.blobs.verify(office.db, row[5])
    return rows


@pytest.fixture
def safe(tmp_path: Path) -> Path:
    async def run() -> None:
        async with open_office(config(tmp_path)) as office:
            await town(office)
            await letters(office, tmp_path, SMALL, large(1))
            post = Post(office.db, office.blobs, office.notify, office.clock)
            await post.commit(written(office, b"A: b\r\n\r\n", remote=["x@elsewhere.test"]))
            await taking.take(office, tmp_path / "safe", Order())

    asyncio.run(run())
    return tmp_path / "safe"


def test_everything_is_as_it_was(safe: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with open_office(config(tmp_path)) as office:
            before = await content(office)
            validity = dict(await office.store.read(query, VALIDITY))
        done = await restore.restore(config(tmp_path, "new"), safe)
        assert done.held == 1
        async with open_office(config(tmp_path, "new")) as office:
            assert await content(office) == before
            renewed = dict(await office.store.read(query, VALIDITY))
            assert renewed.keys() == validity.keys()
            assert min(renewed.values()) > max(validity.values())
            assert await logs_in(office, ALICE, "long enough 1")
            assert await office.store.read(query, "SELECT held FROM queued") == [(1,)]
            await office.db.read(lambda tx: tx.one("SELECT 1"))
        names = {one.name for one in (tmp_path / "new").iterdir()}
        assert restore.MARK not in names
        assert not [name for name in names if name.endswith((".part", ".restored"))]

    asyncio.run(run())


def test_what_was_restored_survives_a_power_cut(
    safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, data = Disk(monkeypatch), tmp_path / "new"
    asyncio.run(restore.restore(config(tmp_path, "new"), safe))
    files = [one for name in ("blobs", "secrets") for one in (data / name).rglob("*")]
    files = [one for one in files if one.is_file()]
    assert len(files) > 1
    assert [one for one in files if not disk.keeps(one, data)] == []
    assert disk.has_names(data / DATABASE, data)


def test_nothing_is_written_over(safe: Path, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is not empty, and nothing is overwritten"):
        asyncio.run(restore.restore(config(tmp_path), safe))
    with pytest.raises(Refused, match="holds no backup"):
        asyncio.run(restore.restore(config(tmp_path, "new"), tmp_path / "none"))
    assert not (tmp_path / "new").exists()


def test_what_broke_off_is_begun_again(
    safe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = copying.copy

    def fails(source: Path, target: Path) -> None:
        if target.name.startswith("postroom.sqlite"):
            raise OSError(28, "No space left on device")
        copy(source, target)

    with monkeypatch.context() as broken:
        broken.setattr(copying, "copy", fails)
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(restore.restore(config(tmp_path, "new"), safe))
    assert (tmp_path / "new" / restore.MARK).exists()
    assert not (tmp_path / "new" / "postroom.sqlite").exists()
    assert asyncio.run(restore.restore(config(tmp_path, "new"), safe)).held == 1


def test_a_damaged_backup_is_not_restored(safe: Path, tmp_path: Path) -> None:
    (path,) = layout.bodies(safe)
    (safe / path).unlink()
    with pytest.raises(Refused, match="is missing: this backup can't be restored whole"):
        asyncio.run(restore.restore(config(tmp_path, "new"), safe))
    (safe / path).write_bytes(b"x")
    with pytest.raises(Refused, match="is damaged: this backup can't be restored whole"):
        asyncio.run(restore.restore(config(tmp_path, "new"), safe))


def test_other_programs_and_other_databases(safe: Path, tmp_path: Path) -> None:
    import msgspec

    settings = msgspec.structs.replace(config(tmp_path, "new"), database="postgresql:///x")
    with pytest.raises(Refused, match="restore with settings without it"):
        asyncio.run(restore.restore(settings, safe))
    newer = msgspec.structs.replace(layout.read(safe), schema=9999)
    layout.write(safe, newer)
    with pytest.raises(Refused, match="newer Postroom"):
        asyncio.run(restore.restore(config(tmp_path, "new"), safe))


def test_counters_are_right_afterwards(safe: Path, tmp_path: Path) -> None:
    async def run() -> None:
        await restore.restore(config(tmp_path, "new"), safe)
        async with open_office(config(tmp_path, "new")) as office:
            await office.db.write(lambda tx: tx.execute("DELETE FROM queued"))
            await office.db.write(
                lambda tx: tx.execute(
                    "DELETE FROM blob WHERE id NOT IN (SELECT blob_id FROM message)"
                )
            )
            await audit(office.store)

    asyncio.run(run())


@pytest.fixture
def safe_postgres(postgres: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The URL of a database with mail, and a backup of it."""

    async def run(url: str) -> None:
        async with open_office(config(tmp_path, url=url)) as office:
            await town(office)
            await letters(office, tmp_path, SMALL, large(1))
            post = Post(office.db, office.blobs, office.notify, office.clock)
            await post.commit(written(office, b"A: b\r\n\r\n", remote=["x@elsewhere.test"]))
            taken = await taking.take(office, tmp_path / "safe", Order())
            assert taken.files == taken.new > 10
            again = await taking.take(office, tmp_path / "safe", Order())
            assert again.files == taken.files

    with fresh(postgres) as url:
        asyncio.run(run(url))
        yield url, tmp_path / "safe"


def test_postgresql_is_as_it_was(
    safe_postgres: tuple[str, Path], postgres: str, tmp_path: Path
) -> None:
    url, safe = safe_postgres

    async def run(new: str) -> None:
        found = await verify.verify(safe)
        assert found.faults == []
        assert found.files == layout.read(safe).files
        async with open_office(config(tmp_path, url=url)) as office:
            before = await content(office)
            validity = dict(await office.store.read(query, VALIDITY))
        assert len(before) == 2
        assert (await restore.restore(config(tmp_path, "new", new), safe)).held == 1
        async with open_office(config(tmp_path, "new", new)) as office:
            assert await content(office) == before
            renewed = dict(await office.store.read(query, VALIDITY))
            assert renewed.keys() == validity.keys()
            assert min(renewed.values()) > max(validity.values())
            assert await logs_in(office, ALICE, "long enough 1")
            assert await office.store.read(query, "SELECT held FROM queued") == [(1,)]
        names = {one.name for one in (tmp_path / "new").iterdir()}
        assert {"secrets"} <= names
        assert not names & {restore.MARK, "postgres", "postroom.sqlite"}

    with fresh(postgres) as new:
        asyncio.run(run(new))


def test_postgresql_that_is_damaged_or_meant_for_another(
    safe_postgres: tuple[str, Path], postgres: str, tmp_path: Path
) -> None:
    url, safe = safe_postgres
    with pytest.raises(Refused, match="name an empty database in the settings"):
        asyncio.run(restore.restore(config(tmp_path, "new"), safe))
    assert not (tmp_path / "new").exists()
    with pytest.raises(Refused, match="the database is not empty"):
        asyncio.run(restore.restore(config(tmp_path, "new", url), safe))
    path = safe / layout.read(safe).state / "postgres" / "blob.copy"
    octets = path.read_bytes()
    path.write_bytes(octets[:30])
    faults = asyncio.run(verify.verify(safe)).faults
    assert [one.partition(" ")[2] for one in faults] == [
        "is not what was written",
        "blob.copy is no whole copy of a table",
    ]
    with fresh(postgres) as new:
        with pytest.raises(Refused, match="blob.copy is damaged"):
            asyncio.run(restore.restore(config(tmp_path, "new", new), safe))
        path.unlink()
        with pytest.raises(Refused, match="blob.copy is missing"):
            asyncio.run(restore.restore(config(tmp_path, "new", new), safe))
        path.write_bytes(octets)
        assert asyncio.run(restore.restore(config(tmp_path, "new", new), safe)).held == 1
