"""Backups by a timetable."""

import asyncio
import dataclasses
import resource
from pathlib import Path

import msgspec
import pytest

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


@pytest.mark.parametrize("keep", [1, 2])
def test_after_a_clock_that_was_ahead_they_are_taken_as_before(tmp_path: Path, keep: int) -> None:
    root = tmp_path / "safe"
    settings = msgspec.structs.replace(
        config(tmp_path), backup=Backup(path=str(root), every=2, keep=keep)
    )

    async def run() -> None:
        async with open_office(settings) as opened:
            clock = Clock()
            office = dataclasses.replace(opened, clock=clock)
            await schedule.take(office)
            clock.advance(days=365)
            await schedule.take(office)
            clock.advance(days=-365, seconds=1)
            assert schedule.due(office) <= (0 if keep == 1 else 7200)
            for _ in range(2):
                clock.advance(seconds=7200)
                assert schedule.due(office) <= 0
                await schedule.take(office)
                assert schedule.due(office) == 7200
            left = [one.name[:4] for one in schedule.kept(root)]
            assert left == ["2026"] * keep

    asyncio.run(run())


def test_without_a_folder_there_is_nothing_to_do(tmp_path: Path) -> None:
    async def run() -> None:
        async with open_office(config(tmp_path)) as office:
            await schedule.run(office)

    asyncio.run(run())
