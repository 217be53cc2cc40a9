import tempfile
from pathlib import Path

from hypothesis import given, strategies as st

from postroom.admin.moving import mbox_writer
from postroom.admin.moving.mbox_writer import MboxWriter
from postroom.admin.moving.writer import Stored
from postroom.store.mailboxes import Mailbox


def mailbox(name: str) -> Mailbox:
    return Mailbox(1, 2, name, None, 77, 9, 1, 0, 0, 0)


def body(writer: MboxWriter, path: Path, blocks: list[bytes]) -> bytes:
    stored = Stored(1, 0, "", 1, 0, open=not b"".join(blocks).endswith(b"\n"))
    writer.open(stored)
    for block in blocks:
        writer.write(block)
    writer.close(stored)
    writer.end()
    return b"".join(path.read_bytes().splitlines(keepends=True)[5:])


def test_places(tmp_path: Path) -> None:
    writer = MboxWriter(tmp_path)
    places = []
    for name in ("INBOX", "a", "a/b", "A", ".x", "y" * 250, "a/b.mbox/c"):
        places.append(writer.begin(mailbox(name)))
        writer.end()
    assert places == [
        "INBOX.mbox", "a.mbox", "a.sbd/b.mbox", "postroom-1.mbox", "postroom-2.mbox",
        "postroom-3.mbox", "a.sbd/b.mbox.sbd/c.mbox",
    ]  # fmt: skip


def test_a_message_begins_with_its_sender_and_time(tmp_path: Path) -> None:
    writer = MboxWriter(tmp_path)
    path = tmp_path / writer.begin(mailbox("a"))
    for sender in ("a@x.test", "two words", ""):
        stored = Stored(1, 1, "k", 1, 1_795_660_569_000, sender)
        writer.open(stored)
        writer.write(b"x\r\n")
        writer.close(stored)
    writer.end()
    lines = [line for line in path.read_text().splitlines() if line.startswith("From ")]
    when = "Thu Nov 26 02:36:09 2026"
    assert lines == [f"From a@x.test {when}", *[f"From MAILER-DAEMON {when}"] * 2]


def test_a_damaged_message_does_not_stay(tmp_path: Path) -> None:
    writer = MboxWriter(tmp_path)
    path = tmp_path / writer.begin(mailbox("a"))
    stored = Stored(1, 0, "", 1, 0)
    writer.open(stored)
    writer.write(b"begin\r\n")
    writer.close(stored, is_whole=False)
    writer.end()
    assert path.read_bytes() == b""


@given(
    st.lists(st.sampled_from([b"From ", b">", b"\r\n", b"x", b"\r\nFrom a", b"From", b"y" * 50])),
    st.integers(1, 7),
)
def test_lines_from_are_quoted_however_the_octets_come(parts: list[bytes], size: int) -> None:
    whole = b"".join(parts)
    blocks = [whole[at : at + size] for at in range(0, len(whole), size)]
    limit, mbox_writer._HELD = mbox_writer._HELD, 20  # type: ignore[misc]
    try:
        with tempfile.TemporaryDirectory() as folder:
            writer = MboxWriter(Path(folder))
            path = Path(folder) / writer.begin(mailbox("a"))
            found = body(writer, path, blocks)
    finally:
        mbox_writer._HELD = limit  # type: ignore[misc]
    lines = [
        b">" + line if line.lstrip(b">").startswith(b"From ") else line
        for line in whole.replace(b"\r\n", b"\n").split(b"\n")
    ]
    expected = b"\n".join(lines)
    assert found == expected + (b"\n" if whole.endswith(b"\n") else b"\n\n")
