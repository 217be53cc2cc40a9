"""Archives of strangers: what is mail comes out, what is a trap does not."""

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from postroom.admin.moving import unpacking
from postroom.admin.moving.maildir import MaildirSource
from postroom.admin.moving.mbox import MboxSource
from postroom.admin.moving.unpacking import ALWAYS, Limits
from postroom.errors import Refused

LETTER = b"Subject: x\n\nx\n"
MBOX = b"From a@x.test Thu Nov 26 02:36:09 2026\n" + LETTER
MAILDIR = {"Maildir/cur/1.x:2,S": LETTER, "Maildir/.Work/new/2.y": LETTER}
ROOM = Limits(1 << 20, lambda _octets: None)
WHEN = 1_700_000_001


def unpack(path: Path, limits: Limits = ROOM) -> Path:
    folder = path.parent / "unpacked"
    unpacking.unpack(path, folder, limits, lambda _done, _total, _step: None)
    return folder


def tar(path: Path, files: Mapping[str, bytes], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, octets in files.items():
            one = tarfile.TarInfo(name)
            one.size, one.mtime = len(octets), WHEN
            archive.addfile(one, io.BytesIO(octets))
    return path


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, octets in files.items():
            archive.writestr(name, octets)
    return path


def below(folder: Path) -> list[str]:
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2"])
def test_a_tar_of_a_maildir_comes_with_its_times(tmp_path: Path, mode: str) -> None:
    folder = unpack(tar(tmp_path / "x", MAILDIR, mode))
    assert below(folder) == sorted(MAILDIR)
    source = unpacking.source(folder)
    assert isinstance(source, MaildirSource)
    assert [one.name for one in source.folders] == ["INBOX", "Work"]
    (found,) = source.messages(source.folders[0])
    assert getattr(found, "received", 0) == WHEN * 1000


def test_a_zip_of_mbox_files_comes(tmp_path: Path) -> None:
    folder = unpack(zipped(tmp_path / "x", {"INBOX.mbox": MBOX, "Work.sbd/Old.mbox": MBOX}))
    source = unpacking.source(folder)
    assert isinstance(source, MboxSource)
    assert sorted(one.name for one in source.folders) == ["INBOX", "Work/Old"]


def test_a_zip_tells_seconds_where_it_can(tmp_path: Path) -> None:
    one = zipfile.ZipInfo("Maildir/cur/1", (2020, 1, 2, 3, 4, 6))
    other = zipfile.ZipInfo("Maildir/cur/2")
    other.extra = struct.pack("<HHH", 1, 2, 0) + struct.pack("<HHBl", 0x5455, 5, 1, WHEN)
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr(one, LETTER)
        archive.writestr(other, LETTER)
    cur = unpack(tmp_path / "x") / "Maildir" / "cur"
    assert (cur / "1").stat().st_mtime == 1_577_934_246
    assert (cur / "2").stat().st_mtime == WHEN


def test_an_mbox_is_taken_as_it_is_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "Work.mbox"
    path.write_bytes(MBOX)
    for _ in range(2):
        source = unpacking.source(unpack(path))
        assert [one.name for one in source.folders] == ["Work"]


def test_names_that_lead_elsewhere_are_left_out(tmp_path: Path) -> None:
    bad = {
        "../out": b"x", "/abs/../../out": b"x", "a/" * 30 + "deep": b"x", "x" * 300: b"x",
        "cur/good": LETTER, "cur/good/below a file": b"x",
    }  # fmt: skip
    for make in (tar, zipped):
        place = tmp_path / make.__name__
        place.mkdir()
        assert below(unpack(make(place / "x", bad))) == ["cur/good"]
        assert sorted(one.name for one in place.iterdir()) == ["unpacked", "x"]


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, kind, target in (
            ("cur", tarfile.SYMTYPE, "/etc"),
            ("hard", tarfile.LNKTYPE, "/etc/passwd"),
            ("null", tarfile.CHRTYPE, ""),
            ("pipe", tarfile.FIFOTYPE, ""),
        ):
            one = tarfile.TarInfo(name)
            one.type, one.linkname = kind, target
            archive.addfile(one)
        one = tarfile.TarInfo("cur/passwd")
        one.size = 1
        archive.addfile(one, io.BytesIO(b"x"))
    assert below(unpack(tmp_path / "x.tar")) == ["cur/passwd"]
    link = zipfile.ZipInfo("cur/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive_:
        archive_.writestr(link, "/etc/passwd")
        archive_.writestr("cur/1", LETTER)
    assert below(unpack(tmp_path / "x.zip")) == ["cur/1"]


def test_what_grows_without_end_is_refused(tmp_path: Path) -> None:
    big = {"cur/1": bytes(3 << 20)}
    for make in (tar, zipped):
        with pytest.raises(Refused, match="larger than may be"):
            unpack(make(tmp_path / make.__name__, big))

    bomb = {"cur/1": bytes(ALWAYS + 1)}
    for make in (tar, zipped):  # far below what is allowed, but no mail is packed like this
        with pytest.raises(Refused, match="larger than may be"):
            unpack(make(tmp_path / f"bomb.{make.__name__}", bomb), Limits(1 << 30, ROOM.room))

    def full(_octets: int) -> None:
        raise Refused("no room")

    with pytest.raises(Refused, match="no room"):
        unpack(tar(tmp_path / "x", big), Limits(1 << 30, full))


def test_headers_that_fill_the_memory_are_refused(tmp_path: Path) -> None:
    for number, kind in enumerate(
        (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE, tarfile.GNUTYPE_SPARSE)
    ):
        one = tarfile.TarInfo("x")
        one.type, one.size = kind, 1 << 40
        path = tmp_path / str(number)
        path.write_bytes(one.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
        with pytest.raises(Refused, match="can't be read: (a name in it|it holds files)"):
            unpack(path)
    path = zipped(tmp_path / "z", {"a": b"x"})
    octets = bytearray(path.read_bytes())
    struct.pack_into("<L", octets, octets.rindex(b"PK\5\6") + 12, 1 << 30)
    path.write_bytes(octets)
    with pytest.raises(Refused, match="more files than can be listed"):
        unpack(path)


def test_windows_that_fill_the_memory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="it is no mbox"):
        unpack(tar(tmp_path / "x", MAILDIR, "w:xz"))
    octets = bytearray((tmp_path / "x").read_bytes().ljust(512, b"\0"))
    octets[257:262] = b"ustar"  # it looks like both
    (tmp_path / "x").write_bytes(octets)
    with pytest.raises(Refused, match="can't be read"):
        unpack(tmp_path / "x")
    with zipfile.ZipFile(tmp_path / "z", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("cur/1", LETTER)
    with pytest.raises(Refused, match="unusual way"):
        unpack(tmp_path / "z")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"hello", "it is no mbox"),
        (b"", "it is no mbox"),
        (b"PK\3\4 and no end", "can't be read"),
        (b"\x1f\x8b" + b"x" * 99, "can't be read"),
        (b"BZh and nothing", "can't be read"),
    ],
)
def test_what_is_no_mail_is_refused(tmp_path: Path, octets: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(octets)
    with pytest.raises(Refused, match=words):
        unpack(tmp_path / "x")


def test_archives_that_are_cut_off_locked_or_without_mail_are_refused(tmp_path: Path) -> None:
    whole = tar(tmp_path / "x", {"cur/1": bytes(range(256)) * 4000}).read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Refused, match="can't be read"):
        unpack(tmp_path / "cut")
    with pytest.raises(Refused, match="is empty"):
        unpack(tar(tmp_path / "x", {}))
    path = zipped(tmp_path / "z", {"a": b"x"})
    octets = bytearray(path.read_bytes())
    for at in (6, octets.index(b"PK\1\2") + 8):  # encrypted, says the bit
        octets[at] |= 1
    path.write_bytes(octets)
    with pytest.raises(Refused, match="encrypted"):
        unpack(path)
    with pytest.raises(Refused, match="is no mbox"):
        unpacking.source(unpack(zipped(path, {"notes.txt": b"x"})))
