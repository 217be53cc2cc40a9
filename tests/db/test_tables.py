"""The files of a copy: read, and found damaged."""

from pathlib import Path

import msgspec
import pytest

from postroom.db import tables
from postroom.db.tables import TABLES, Table, Tables, created, faults, read
from postroom.errors import Refused
from tests.powercut import Disk

WHOLE = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8 + b"\xff\xff"


def write(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    copy = Tables(7, tuple([Table(name, ("id", "name"), 3) for name in names]))
    (folder / TABLES).write_bytes(msgspec.json.encode(copy))
    for name in names:
        with created(folder / f"{name}.copy") as stream:
            stream.write(WHOLE)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write(tmp_path, "domain", "account")
    assert read(tmp_path).schema == 7
    assert [one.file for one in read(tmp_path).tables] == ["domain.copy", "account.copy"]
    assert faults(tmp_path) == []
    assert (tmp_path / "domain.copy").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError), created(tmp_path / "domain.copy"):
        pass


def test_what_was_written_is_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    write(tmp_path, "domain")
    assert disk.has_octets(tmp_path / "domain.copy")


@pytest.mark.parametrize("octets", [b"", WHOLE[:-2], b"x" + WHOLE, WHOLE[:11]])
def test_what_is_cut_off_is_no_copy(tmp_path: Path, octets: bytes) -> None:
    write(tmp_path, "domain")
    (tmp_path / "domain.copy").write_bytes(octets)
    assert faults(tmp_path) == ["domain.copy is no whole copy of a table"]
    (tmp_path / "domain.copy").unlink()
    assert faults(tmp_path) == ["domain.copy can't be read: No such file or directory"]


@pytest.mark.parametrize("octets", [b"", b"{}", b'{"schema": 1, "tables": [1]}'])
def test_a_list_that_is_none(tmp_path: Path, octets: bytes) -> None:
    (tmp_path / TABLES).write_bytes(octets)
    assert "can't be read" in faults(tmp_path)[0]
    write(tmp_path / "other")
    (tmp_path / TABLES).unlink()
    with pytest.raises(Refused, match="tables.json can't be read"):
        read(tmp_path)


def test_a_name_is_no_path(tmp_path: Path) -> None:
    copy = Tables(7, (Table("../secret", ("id",), 1),))
    (tmp_path / TABLES).write_bytes(msgspec.json.encode(copy))
    with pytest.raises(Refused, match="no table"):
        read(tmp_path)
    assert tables.TABLES == TABLES
