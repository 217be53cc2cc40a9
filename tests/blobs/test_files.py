"""Body files: durable in order, private, no links."""

import errno
import os
from pathlib import Path

import pytest

from postroom.blobs.files import Files, failure, write_all
from postroom.db.ids import to_text
from postroom.errors import StorageFailed, StorageFull
from tests.powercut import Disk

IDENT = 0x1234_5678_9ABC_DEF0


def put(files: Files, ident: int, octets: bytes) -> None:
    fd = files.create(ident)
    try:
        write_all(fd, octets)
        files.publish(ident, fd)
    finally:
        os.close(fd)


def test_a_file_is_written_read_and_removed(data: Path) -> None:
    steps: list[str] = []
    files = Files(data, steps.append)
    put(files, IDENT, b"0123456789" * 1000)
    assert steps == ["created", "written", "synced", "renamed", "published"]
    path = Path(files.place(IDENT))
    name = to_text(IDENT)
    assert path == data / "blobs" / name[:2] / name[2:4] / name
    assert files.read(IDENT, 5, 10) == b"5678901234"
    assert files.read(IDENT, 9_995, 10) == b"56789"
    assert not Path(files.temporary(IDENT)).exists()
    files.remove(IDENT)
    files.remove(IDENT)
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        files.read(IDENT, 0, 1)


def test_what_is_published_survives_a_power_cut(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    seen: list[str] = []

    def step(name: str) -> None:
        if name == "synced":  # before it has its final name, which must never be of less
            assert disk.has_octets(Path(files.temporary(ident)))
        if name == "published":
            assert disk.keeps(Path(files.place(ident)), data)
            seen.append(name)

    files = Files(data, step)
    for ident in (IDENT, IDENT + 1, IDENT + (1 << 50)):  # two in one folder, one in another
        put(files, ident, b"0123456789" * 1000)
    assert len(seen) == 3


def test_folders_and_files_are_private(data: Path) -> None:
    files = Files(data)
    put(files, IDENT, b"x")
    for path in (data / "blobs").rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600)


def test_a_name_is_used_once(data: Path) -> None:
    files = Files(data)
    os.close(files.create(IDENT))
    assert files.read_temporary(IDENT, 0, 5) == b""
    with pytest.raises(FileExistsError):
        files.create(IDENT)
    files.remove_temporary(IDENT)
    files.remove_temporary(IDENT)
    os.close(files.create(IDENT))


def test_no_body_is_ever_written_over(data: Path) -> None:
    files = Files(data)
    put(files, IDENT, b"first")
    with pytest.raises(FileExistsError):
        put(files, IDENT, b"second")
    assert files.read(IDENT, 0, 10) == b"first"


@pytest.mark.parametrize("planted", ["blobs", "blobs/tmp", "blobs/ab", "blobs/ab/cd"])
def test_no_link_is_followed(data: Path, tmp_path: Path, planted: str) -> None:
    """Threats I2: a link in the way is an error, and nothing appears behind it."""
    name = to_text(IDENT)
    place = data / planted.replace("ab", name[:2]).replace("cd", name[2:4])
    place.parent.mkdir(parents=True, exist_ok=True)
    outside = tmp_path / "outside"
    outside.mkdir()
    place.symlink_to(outside)
    with pytest.raises(OSError) as caught:
        put(Files(data), IDENT, b"x")
    assert caught.value.errno in {errno.ELOOP, errno.ENOTDIR}
    assert list(outside.iterdir()) == []


def test_a_link_instead_of_a_body_is_not_read(data: Path, tmp_path: Path) -> None:
    files = Files(data)
    put(files, IDENT, b"x")
    (tmp_path / "secret").write_bytes(b"secret")
    Path(files.place(IDENT)).unlink()
    Path(files.place(IDENT)).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError):
        files.read(IDENT, 0, 6)


def test_errors_of_the_disk_in_our_words() -> None:
    assert isinstance(failure(OSError(errno.ENOSPC, "full")), StorageFull)
    assert isinstance(failure(OSError(errno.EDQUOT, "quota")), StorageFull)
    assert isinstance(failure(OSError(errno.EIO, "bad")), StorageFailed)


def test_short_writes_go_on(data: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, True)
    try:
        write_all(writer, b"x" * 5000)
        assert len(os.read(reader, 9999)) == 5000
    finally:
        os.close(reader)
        os.close(writer)
