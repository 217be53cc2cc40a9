"""An export in one file, brought back by an import, is the same mail."""

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.admin.moving import archive, export, importing, unpacking
from postroom.admin.moving.export import Format
from postroom.admin.moving.importing import Order
from postroom.admin.moving.unpacking import Limits
from postroom.admin.office import Office
from postroom.errors import NotFound, Refused
from tests.admin.bureau import Story
from tests.admin.moving.test_export import ALICE, BOB, CONTENT, ids
from tests.admin.moving.test_importing import fill
from tests.fakes import Clock
from tests.store.letters import query

Tell = Callable[[Story], None]


@pytest.mark.parametrize("form", ["mbox", "maildir"])
def test_it_comes_back_as_it_was(tell: Tell, tmp_path: Path, form: Format) -> None:
    root = fill(tmp_path / "box")
    (root / "cur" / "large:2,").write_bytes(b"L: 1\n\n" + b"0123456789\n" * 90_000)

    async def story(office: Office, _clock: Clock) -> None:
        alice, bob = await ids(office)
        await importing.run(office, ALICE, importing.files("maildir", root), Order())
        path = tmp_path / "out" / f"mail.{form}"
        path.parent.mkdir()
        seen: list[int] = []
        done = await archive.export_file(
            office, ALICE, path, form, lambda shown: seen.append(shown.messages)
        )
        assert (done.messages, seen[-1]) == (7, 7)
        assert [one.name for one in path.parent.iterdir()] == [path.name]
        unpacking.unpack(path, tmp_path / "in", Limits(1 << 30, lambda _: None), lambda *_: None)
        source = importing.Files(unpacking.source(tmp_path / "in"))
        back = await importing.run(office, BOB, source, Order())
        assert (back.filed, back.left_out_count, back.renamed) == (7, 0, {})
        hers, his = [
            [
                (name, use, flags, words, received // (1 if form == "maildir" else 1000))
                for name, use, _uid, flags, words, received, *_ in await office.store.read(
                    query, CONTENT.format(account)
                )
                if received is not None
            ]
            for account in (alice, bob)
        ]
        if form == "maildir":  # a tar keeps seconds of older files only
            hers, his = [[(*row[:4], row[4] // 1000) for row in some] for some in (hers, his)]
        assert sorted(hers) == sorted(his)

    tell(story)


def test_what_breaks_off_leaves_nothing(tell: Tell, tmp_path: Path) -> None:
    root = fill(tmp_path / "box")

    async def story(office: Office, _clock: Clock) -> None:
        await ids(office)
        await importing.run(office, ALICE, importing.files("maildir", root), Order())
        (tmp_path / "out").mkdir()
        path = tmp_path / "out" / "mail.zip"

        def stop(_shown: export.Progress) -> None:
            raise Refused("stopped")

        with pytest.raises(Refused, match="stopped"):
            await archive.export_file(office, ALICE, path, "mbox", stop)
        assert not path.exists()
        assert not (tmp_path / "out" / "staging").exists()
        with pytest.raises(NotFound):
            await archive.export_file(office, "no@demo.test", path, "mbox", lambda _: None)

    tell(story)


def test_archives_belong_to_nobody_and_hold_no_paths_of_ours(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    tar, zipped = archive.Tar(tmp_path / "a.tar"), archive.Zip(tmp_path / "a.zip")
    for one in (tar, zipped):
        one.put(tmp_path / "f", "cur/f")
        one.close()
    with tarfile.open(tmp_path / "a.tar") as found:
        (member,) = found.getmembers()
        assert (member.name, member.uid, member.uname) == ("cur/f", 0, "")
    assert zipfile.ZipFile(tmp_path / "a.zip").namelist() == ["cur/f"]
