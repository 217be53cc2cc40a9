import io
from pathlib import Path

import pytest

from postroom.admin.backup import copying, layout
from tests.powercut import Disk

PATHS = ("blobs/aa/bb/1", "blobs/aa/bb/2", "blobs/aa/cc/3")


def fill(folder: Path, *paths: str) -> Path:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    return folder


def bring(
    data: Path, target: Path, known: dict[str, str], **options: object
) -> tuple[copying.Counted, str]:
    listing = io.StringIO()
    counted = copying.copy_bodies(
        data,
        target,
        iter(sorted(known.items())),
        listing,
        lambda _counted: None,
        **options,  # type: ignore[arg-type]
    )
    return counted, listing.getvalue()


def test_files_are_linked_or_copied_and_listed(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", *PATHS)
    for links in (True, False):
        target = tmp_path / f"target{links}"
        counted, listing = bring(data, target, {}, links=links)
        assert (counted.files, counted.new, counted.octets) == (3, 3, sum(map(len, PATHS)))
        assert (target / PATHS[0]).samefile(data / PATHS[0]) is links
        assert listing == "".join(f"{layout.digest(data / one)}  {one}\n" for one in PATHS)
        again, same = bring(data, target, {}, links=links)
        assert (again.files, again.new) == (3, 0)
        assert same == listing


def test_copies_survive_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, target = fill(tmp_path / "data", *PATHS), fill(tmp_path / "target")
    target.mkdir()
    disk = Disk(monkeypatch)
    bring(data, target, {}, links=False)
    assert [path for path in PATHS if not disk.keeps(target / path, target)] == []


def test_what_is_known_is_not_read_again(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", *PATHS)
    _, listing = bring(data, tmp_path / "target", {PATHS[1]: "known", "blobs/zz": "x", "a": "y"})
    assert [line.split()[0] == "known" for line in listing.splitlines()] == [False, True, False]


def test_files_of_the_backup_before_are_linked(tmp_path: Path) -> None:
    data = fill(tmp_path / "data", *PATHS)
    before = fill(tmp_path / "before", PATHS[0])
    target = tmp_path / "target"
    bring(data, target, {PATHS[0]: "d", PATHS[1]: "d"}, before=before)
    assert (target / PATHS[0]).samefile(before / PATHS[0])
    assert (target / PATHS[1]).samefile(data / PATHS[1])


def test_what_is_no_longer_named_is_removed(tmp_path: Path) -> None:
    target = fill(tmp_path, *PATHS)
    assert copying.prune(target, iter([("a", ""), (PATHS[1], ""), ("state", "")])) == 2
    assert list(layout.bodies(target)) == [PATHS[1]]
    assert copying.prune(target, iter([])) == 1


def test_a_source_that_is_gone_is_said(tmp_path: Path) -> None:
    for links in (True, False):
        with pytest.raises(FileNotFoundError):
            copying.bring([tmp_path / "gone"], tmp_path / "x", links=links)
    assert list(tmp_path.iterdir()) == []
