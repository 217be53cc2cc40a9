"""Messages from files."""

import io
from pathlib import Path

import pytest

from postroom.admin.moving import letterbox
from postroom.errors import Refused

MBOX = (
    b"From ann@client.example Mon Sep 21 14:13:20 2026\n"
    b"Subject: one\n\nhello\n>From here on\nFrom there: no message\n\n"
    b"From bob@client.example Mon Sep 21 14:13:20 2026\n"
    b"Subject: two\n\nworld\n"
)


def test_one_message(tmp_path: Path) -> None:
    file = tmp_path / "one.eml"
    file.write_bytes(b"Subject: x\n\nbody\rof\r\nlines\n")
    assert list(letterbox.letters(file)) == [b"Subject: x\r\n\r\nbodyof\r\nlines\r\n"]


def test_an_mbox(tmp_path: Path) -> None:
    file = tmp_path / "mbox"
    file.write_bytes(MBOX)
    one, two = letterbox.letters(file)
    assert one == b"Subject: one\r\n\r\nhello\r\nFrom here on\r\nFrom there: no message\r\n\r\n"
    assert two == b"Subject: two\r\n\r\nworld\r\n"
    assert len(list(letterbox.read(io.BytesIO(MBOX.replace(b"\n", b"\r\n"))))) == 2


def test_a_maildir_and_a_folder(tmp_path: Path) -> None:
    for folder in ("cur", "new", "tmp"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1").write_bytes(b"Subject: " + folder.encode() + b"\n\nx\n")
    assert [letter[9:12] for letter in letterbox.letters(tmp_path)] == [b"cur", b"new"]
    assert [letter[9:12] for letter in letterbox.letters(tmp_path / "tmp")] == [b"tmp"]
    (tmp_path / "tmp" / ".hidden").write_bytes(b"x")
    assert len(list(letterbox.letters(tmp_path / "tmp"))) == 1


def test_what_holds_no_message(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nowhere"):
        list(letterbox.letters(tmp_path / "nowhere"))
    assert list(letterbox.read(io.BytesIO(b""))) == []
    assert list(letterbox.read(io.BytesIO(b"\n\n"))) == []
    assert list(letterbox.read(io.BytesIO(b"From x\n\n\n"))) == []


def test_of_a_large_message_only_the_beginning_is_read() -> None:
    large = b"Subject: x\n\n" + b"y" * 3_000_000
    (one,) = letterbox.read(io.BytesIO(large))
    assert len(one) < letterbox.MOST + 100
    (other,) = letterbox.read(io.BytesIO(b"From x\n" + large))
    assert len(other) < letterbox.MOST + letterbox.MAX_LINE + 100
