from pathlib import Path

from postroom.admin.moving import maildir
from postroom.admin.moving.maildir_writer import MaildirWriter
from postroom.admin.moving.writer import Stored
from postroom.store.flags import ANSWERED, SEEN
from postroom.store.mailboxes import Mailbox


def mailbox(name: str) -> Mailbox:
    return Mailbox(1, 2, name, None, 77, 9, 1, 0, 0, 0)


def put(writer: MaildirWriter, stored: Stored, octets: bytes, *, is_whole: bool = True) -> None:
    writer.open(stored)
    writer.write(octets[:1])
    writer.write(octets[1:])
    writer.close(stored, is_whole=is_whole)


def test_folders_are_those_of_maildir_plus_plus(tmp_path: Path) -> None:
    writer = MaildirWriter(tmp_path)
    places = []
    for name in ("INBOX", "Work/a.b", "Entwürfe", "x" * 250, "y" * 250):
        places.append(writer.begin(mailbox(name)))
        writer.end()
    assert places == [".", ".Work.a&AC4-b", ".Entw&APw-rfe", ".postroom-1", ".postroom-2"]
    assert sorted(one.name for one in (tmp_path / ".Work.a&AC4-b").iterdir()) == [
        "cur", "dovecot-uidlist", "maildirfolder", "new", "tmp",
    ]  # fmt: skip


def test_a_message_is_a_file_with_flags_time_and_uid(tmp_path: Path) -> None:
    writer = MaildirWriter(tmp_path)
    writer.begin(mailbox("INBOX"))
    put(writer, Stored(5, SEEN | ANSWERED, "$a b", 3, 1_700_000_000_123), b"a\r\n")
    put(writer, Stored(6, 0, "", 3, 1_700_000_000_000), b"x\r\n", is_whole=False)
    writer.end()
    (path,) = (tmp_path / "cur").iterdir()
    assert path.name == "1700000000.M123000P5.postroom,S=3:2,RSab"
    assert path.read_bytes() == b"a\r\n"
    assert path.stat().st_mtime_ns == 1_700_000_000_123_000_000
    first, line, _ = (tmp_path / maildir.UIDLIST).read_text().splitlines()
    assert first.startswith("3 V77 N9 G")
    assert line == "5 :1700000000.M123000P5.postroom,S=3"
    assert (tmp_path / maildir.KEYWORDS).read_text() == "0 $a\n1 b\n"


def test_keywords_beyond_the_letters_are_written_apart(tmp_path: Path) -> None:
    writer = MaildirWriter(tmp_path)
    writer.begin(mailbox("INBOX"))
    words = [f"k{number:02}" for number in range(40)]
    put(writer, Stored(1, 0, " ".join(words), 2, 0), b"a\n")
    put(writer, Stored(2, 0, "k01", 2, 0), b"a\n")
    writer.end()
    source = maildir.MaildirSource(tmp_path)
    found = [one.keywords for one in source.messages(source.folders[0]) if hasattr(one, "keywords")]
    assert found == [" ".join(words), "k01"]
