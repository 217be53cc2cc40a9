"""Room on the disk."""

import os
from pathlib import Path

import pytest

from postroom.blobs.disk import COPY, Disk
from postroom.errors import StorageFull
from postroom.telemetry.events import StorageTrouble
from tests.fakes import Clock, Recorder


def test_the_reserve_stays_free(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    free = found.f_bavail * found.f_frsize
    assert Disk(tmp_path, free // 2, Clock()).has_room()
    assert Disk(tmp_path, free // 2, Clock()).has_room(free // 4)
    assert not Disk(tmp_path, free // 2, Clock()).has_room(free)
    assert not Disk(tmp_path, 2 * free, Clock()).has_room()


def test_copies_leave_a_quarter_of_the_reserve(tmp_path: Path) -> None:
    found = os.statvfs(tmp_path)
    free = found.f_bavail * found.f_frsize
    Disk(tmp_path, free // 2, Clock()).require(free // 4)
    Disk(tmp_path, 2 * free, Clock()).require_for_copies(free // 4 // COPY)
    for disk, count in (
        (Disk(tmp_path, 2 * free, Clock()), free // COPY),
        (Disk(tmp_path, 8 * free, Clock()), 1),
    ):
        with pytest.raises(StorageFull):
            disk.require_for_copies(count)
        with pytest.raises(StorageFull):
            disk.require(1)


def test_what_is_missing_to_the_reserve(tmp_path: Path, events: Recorder) -> None:
    found = os.statvfs(tmp_path)
    free = found.f_bavail * found.f_frsize
    assert Disk(tmp_path, free // 2, Clock()).missing() == 0
    assert free // 2 < Disk(tmp_path, 2 * free, Clock()).missing() < 2 * free
    assert Disk(tmp_path / "gone", 2 * free, Clock()).missing() == 0  # nobody can tell
    assert not events


def test_it_looks_once_a_second(tmp_path: Path) -> None:
    clock = Clock()
    folder = tmp_path / "folder"
    folder.mkdir()
    disk = Disk(folder, 1, clock)
    assert disk.has_room()
    folder.rmdir()
    clock.advance(999)
    assert disk.has_room()
    clock.advance(1)
    assert not disk.has_room()
    folder.mkdir()
    clock.now -= 5000  # the clock went back
    assert disk.has_room()


def test_a_disk_that_can_t_be_asked_has_no_room(tmp_path: Path, events: Recorder) -> None:
    assert not Disk(tmp_path / "gone", 0, Clock()).has_room(1)
    assert [event.where for event in events.of(StorageTrouble)] == ["statvfs"]
