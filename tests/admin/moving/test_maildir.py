"""Maildirs as Dovecot, Courier and others write them."""

import gzip
import os
from pathlib import Path

import pytest
import zstandard

from postroom.admin.moving import maildir
from postroom.admin.moving.maildir import MaildirSource
from postroom.admin.moving.source import Found, LeftOut
from postroom.errors import Refused
from postroom.store.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN


def make(folder: Path) -> Path:
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True)
    return folder


def names(source: MaildirSource) -> list[str]:
    return [folder.name for folder in source.folders]


def contents(source: MaildirSource, name: str = "INBOX") -> list[bytes | str]:
    (folder,) = (one for one in source.folders if one.name == name)
    return [octets(one) for one in source.messages(folder)]


def octets(one: Found | LeftOut) -> bytes | str:
    if isinstance(one, LeftOut):
        return one.reason
    with one.content() as stream:
        return stream.read()


def test_folders_of_maildir_plus_plus(tmp_path: Path) -> None:
    make(tmp_path)
    for name in (
        ".Work",
        ".Work.Plans",
        ".Entw&APw-rfe",
        ".a&AC4-b",
        ".Sent Messages",
        ".bad&name",
    ):
        make(tmp_path / name)
    (tmp_path / ".hidden").mkdir()
    source = MaildirSource(tmp_path)
    assert names(source) == [
        "Entwürfe", "INBOX", "Sent Messages", "Work", "Work/Plans", "a.b", "bad&name",
    ]  # fmt: skip
    assert {one.name: one.special_use for one in source.folders if one.special_use} == {
        "Entwürfe": "\\Drafts",
        "Sent Messages": "\\Sent",
    }


def test_folders_of_the_file_system(tmp_path: Path) -> None:
    make(tmp_path / "Work" / "Plans")
    make(tmp_path)
    assert names(MaildirSource(tmp_path)) == ["INBOX", "Work/Plans"]


def test_links_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of somebody else")
    make(tmp_path / "other")
    box = make(tmp_path / "box")
    (box / ".link").symlink_to(tmp_path / "other")
    (box / "cur" / "1.link").symlink_to(secret)
    os.mkfifo(box / "cur" / "2.pipe")
    (box / "cur" / "3.folder").mkdir()
    (box / maildir.KEYWORDS).symlink_to(secret)
    source = MaildirSource(box)
    assert names(source) == ["INBOX"]
    assert contents(source) == ["it is no regular file"] * 3
    assert source.total == 3


def test_flags_keywords_and_times(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / maildir.KEYWORDS).write_text(
        f"0 Work\n1 $Label1\nx y\n99 no\n{'0' * 9}{'9' * 30} no\n"
    )
    path = tmp_path / "cur" / "123.x:2,DFPRSTabz"
    path.write_bytes(b"x")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    (tmp_path / "new" / "124.y").write_bytes(b"y")
    source = MaildirSource(tmp_path)
    old, new = source.messages(source.folders[0])
    assert isinstance(old, Found)
    assert isinstance(new, Found)
    assert old.flags == DRAFT | FLAGGED | ANSWERED | SEEN | DELETED
    assert old.keywords == "$Forwarded $Label1 Work"
    assert old.received == 1_700_000_000_123
    assert (new.flags, new.keywords) == (0, "")


def test_the_order_is_that_of_dovecot_then_of_the_names(tmp_path: Path) -> None:
    make(tmp_path)
    for name in ("3.c:2,S", "1.a,S=1:2,", "2.b:2,", "0.z"):
        (tmp_path / "cur" / name).write_bytes(name[2:3].encode())
    (tmp_path / maildir.UIDLIST).write_text(
        "3 V1 N9 Gabc\n5 :1.a,S=1:2,F\n7 W12 S1 :2.b\n1 :3.c\nnonsense\n99999999999999 :0.z\n"
    )
    assert contents(MaildirSource(tmp_path)) == [b"c", b"a", b"b", b"z"]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "cur" / "1").write_bytes(gzip.compress(b"one"))
    (tmp_path / "cur" / "2").write_bytes(zstandard.compress(b"two"))
    assert contents(MaildirSource(tmp_path)) == [b"one", b"two"]


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    make(tmp_path)
    for name in "12":
        (tmp_path / "cur" / name).write_bytes(b"x")
    source = MaildirSource(tmp_path)
    items = source.messages(source.folders[0])
    assert isinstance(next(items), Found)
    (tmp_path / "cur" / "2").unlink()
    last = next(items)
    assert isinstance(last, LeftOut)
    assert (last.origin, last.reason) == (
        str(tmp_path / "cur" / "2"),
        "No such file or directory",
    )


def test_a_folder_without_mail_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(Refused, match="is no Maildir"):
        MaildirSource(tmp_path)
