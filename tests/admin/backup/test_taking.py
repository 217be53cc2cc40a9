"""Backups that are taken while others write, brought up to date, broken off."""

import asyncio
import subprocess
from pathlib import Path
from shutil import disk_usage

import pytest

from postroom.admin.backup import copying, layout, taking, verify
from postroom.admin.backup.taking import Order
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.blobs.disk import Disk as Room
from postroom.db.folder import DATABASE
from postroom.errors import Refused
from tests.admin.backup.vault import SMALL, config, large, letters, town
from tests.powercut import Disk


def tell(folder: Path, story: object) -> None:
    async def run() -> None:
        async with open_office(config(folder)) as office:
            await town(office)
            await story(office)  # type: ignore[operator]

    asyncio.run(run())


def test_a_backup_is_whole_and_brought_up_to_date(tmp_path: Path) -> None:
    target = tmp_path / "safe" / "one"
    settings = tmp_path / "settings.toml"
    settings.write_text('hostname = "mx.demo.test"\n')

    async def story(office: Office) -> None:
        await letters(office, tmp_path, SMALL, large(1))
        first = await taking.take(office, target, Order(settings=settings))
        assert first.new == first.files
        assert first.is_same_disk
        await letters(office, tmp_path, SMALL, large(2))
        second = await taking.take(office, target, Order(settings=settings, links=False))
        bodies = list(layout.bodies(target))
        assert len(bodies) == 2
        assert second.files == first.files + 1
        assert second.new == second.files - 1
        assert (await verify.verify(target)).faults == []
        manifest = layout.read(target)
        states = [one.name for one in target.iterdir() if layout.is_state(one.name)]
        assert states == [manifest.state]
        there = {one.name for one in (target / manifest.state).iterdir()}
        assert {"postroom.sqlite", "secrets", "postroom.toml", "digests.sha256"} <= there
        await asyncio.to_thread(
            subprocess.run,
            ["sha256sum", "--quiet", "-c", f"{manifest.state}/digests.sha256"],
            cwd=target,
            check=True,
        )
        assert target.stat().st_mode & 0o777 == 0o700
        (office.config.folder / bodies[0]).unlink()  # deleted for good
        await taking.take(office, target, Order())
        assert len(list(layout.bodies(target))) == 1

    tell(tmp_path, story)


def test_the_backup_before_counts_until_the_new_one_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "safe"

    async def story(office: Office) -> None:
        await letters(office, tmp_path, large(1))
        first = await taking.take(office, target, Order())
        await letters(office, tmp_path, large(2))

        def fails(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as broken:
            broken.setattr(copying, "bring", fails)
            with pytest.raises(OSError, match="No space left"):
                await taking.take(office, target, Order())
        found = await verify.verify(target)
        assert (found.faults, found.files) == ([], first.files)
        assert (await taking.take(office, target, Order())).files == first.files + 1

    tell(tmp_path, story)


def test_a_backup_survives_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('hostname = "mx.demo.test"\n')
    target = tmp_path / "safe"
    disk = Disk(monkeypatch)

    async def story(office: Office) -> None:
        await letters(office, tmp_path, SMALL, large(1))
        taken = await taking.take(office, target, Order(settings=settings))
        files = [one for one in target.rglob("*") if one.is_file() and one.name != layout.LOCK]
        assert len(files) == taken.files + 2  # the list, and what makes it count
        assert [one for one in files if not disk.has_names(one, target)] == []
        files = [one for one in files if one.name != DATABASE]  # SQLite syncs it by itself
        assert [one for one in files if not disk.has_octets(one)] == []

    tell(tmp_path, story)


def test_on_the_disk_of_the_data_its_reserve_stays_free(tmp_path: Path) -> None:
    async def story(office: Office) -> None:
        free = disk_usage(tmp_path).free
        office.blobs.disk = Room(office.config.folder, 2 * free, office.clock)
        with pytest.raises(Refused, match="name a folder on another disk"):
            await taking.take(office, tmp_path / "safe", Order())
        assert list((tmp_path / "safe").glob("state-*")) == []
        office.blobs.disk = Room(office.config.folder, 0, office.clock)
        await taking.take(office, tmp_path / "safe", Order())

    tell(tmp_path, story)


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()

    async def story(office: Office) -> None:
        with pytest.raises(Refused, match="holds other things"):
            await taking.take(office, tmp_path / "full", Order())
        for inside in ("", "backup"):
            with pytest.raises(Refused, match="is inside the data folder"):
                await taking.take(office, office.config.folder / inside, Order())

    tell(tmp_path, story)
