"""Backups by a timetable."""

import asyncio
import dataclasses
import resource
from pathlib import Path

import msgspec

from postroom.admin.backup import layout, schedule, verify
from postroom.admin.open import open_office
from postroom.config.backup import Backup
from postroom.telemetry.events import BackupFailed, BackupTaken
from tests.admin.backup.vault import config, large, letters, town
from tests.fakes import Clock, Recorder


class Stopped(Exception):
    pass


def test_they_are_taken_when_due_and_the_oldest_go(tmp_path: Path, events: Recorder) -> None:
    root = tmp_path / "safe"
    settings = msgspec.structs.replace(
        config(tmp_path), backup=Backup(path=str(root), every=2, keep=2)
    )

    async def run() -> None:
        async with open_office(settings) as opened:
            clock = Clock()
            office = dataclasses.replace(opened, clock=clock)
            await town(office)
            await letters(office, tmp_path, large(1))
            waits: list[float] = []

            async def sleep(seconds: float) -> None:
                waits.append(seconds)
                clock.advance(round(seconds * 1000))
                if len(waits) == 8:
                    raise Stopped

            try:
                await schedule.run(office, sleep)
            except Stopped:
                pass
            assert waits[:4] == [1, 7199, 1, 7199]
            names = [one.name for one in schedule.kept(root)]
            assert len(names) == 2
            assert names[0] < names[1]
            one, two = schedule.kept(root)
            (body,) = layout.bodies(two)
            assert (two / body).samefile(one / body)
            assert (await verify.verify(two)).faults == []
        assert len(events.of(BackupTaken)) == 4

    asyncio.run(run())


def test_a_folder_that_cannot_be_read_is_told_and_looked_at_again(
    tmp_path: Path, events: Recorder
) -> None:
    root = tmp_path / "safe"
    root.mkdir()
    settings = msgspec.structs.replace(config(tmp_path), backup=Backup(path=str(root)))
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def run() -> None:
        async with open_office(settings) as office:
            waits: list[float] = []

            async def sleep(seconds: float) -> None:
                waits.append(seconds)
                if len(waits) == 2:
                    raise Stopped
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))

            resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))  # nothing can be opened
            try:
                await schedule.run(office, sleep)
            except Stopped:
                pass
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
            assert waits == [schedule.RETRY, 1]
            assert len(schedule.kept(root)) == 1

    asyncio.run(run())
    (failed,) = events.of(BackupFailed)
    assert failed.folder == str(root)
    assert "Too many open files" in failed.reason


def test_one_that_fails_is_told_and_tried_again(tmp_path: Path, events: Recorder) -> None:
    root = tmp_path / "safe"
    root.write_text("a file")
    settings = msgspec.structs.replace(config(tmp_path), backup=Backup(path=str(root)))

    async def run() -> None:
        async with open_office(settings) as office:
            waits: list[float] = []

            async def sleep(seconds: float) -> None:
                waits.append(seconds)
                raise Stopped

            try:
                await schedule.run(office, sleep)
            except Stopped:
                pass
            assert waits == [schedule.RETRY]

    asyncio.run(run())
    (failed,) = events.of(BackupFailed)
    assert failed.folder.startswith(str(root))


def test_without_a_folder_there_is_nothing_to_do(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_office(config(tmp_path)) as office:
            await schedule.run(office)

    asyncio.run(run())
