from pathlib import Path

import msgspec
import pytest

from postroom.admin.backup import layout
from postroom.admin.backup.layout import Manifest
from postroom.errors import Refused

MANIFEST = Manifest("state-20261126T023609Z", 1, "mx", "1", 2, 3, 4, "ab")


def test_what_is_written_is_read(tmp_path: Path) -> None:
    layout.write(tmp_path, MANIFEST)
    assert layout.read(tmp_path) == MANIFEST
    assert [one.name for one in tmp_path.iterdir()] == [layout.MANIFEST]


def said(version: int, state: str) -> bytes:
    found = msgspec.structs.replace(MANIFEST, version=version, state=state, program="9.9")
    return msgspec.json.encode(found)


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        (b"", "is damaged"),
        (b"{}", "is damaged"),
        (said(2, "x"), r"newer Postroom \(9\.9\)"),
        (said(1, "../etc"), "names a state that can't be"),
    ],
)
def test_what_is_no_backup_is_refused(tmp_path: Path, octets: bytes, why: str) -> None:
    with pytest.raises(Refused, match="holds no backup"):
        layout.read(tmp_path)
    (tmp_path / layout.MANIFEST).write_bytes(octets)
    with pytest.raises(Refused, match=why):
        layout.read(tmp_path)


@pytest.mark.parametrize(
    "line",
    [
        "x",
        "0" * 64 + "  /etc/passwd\n",
        "0" * 64 + "  a/../../b\n",
        "0" * 64 + " a\n",
        "\udcff",
        "0" * 64 + "  a//etc/passwd\n",
        "0" * 64 + "  a/./b\n",
        "0" * 64 + "  a/\n",
    ],
)
def test_a_damaged_list_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(Refused, match="missing or damaged"):
        list(layout.digests(tmp_path, MANIFEST))
    state = tmp_path / MANIFEST.state
    state.mkdir()
    good = "0" * 64 + "  blobs/a\n"
    (state / layout.DIGESTS).write_bytes((good + line).encode("utf-8", "surrogateescape"))
    with pytest.raises(Refused, match="damaged"):
        list(layout.digests(tmp_path, MANIFEST))


def test_bodies_are_listed_in_order(tmp_path: Path) -> None:
    for name in ("ab/cd/2", "ab/cd/1", "aa/zz/9", "tmp/x/y", "ab/cd/3.part"):
        path = tmp_path / "blobs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert list(layout.bodies(tmp_path)) == ["blobs/aa/zz/9", "blobs/ab/cd/1", "blobs/ab/cd/2"]
    assert list(layout.bodies(tmp_path / "none")) == []
