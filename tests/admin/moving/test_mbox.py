"""mbox files as other programs write them."""

from pathlib import Path

import pytest

from postroom.admin.moving.mbox import MAX_LINE, MboxSource, is_mbox
from postroom.admin.moving.source import Found, LeftOut
from postroom.errors import Refused
from postroom.store.flags import SEEN

FROM = b"From a@x.test Thu Nov 26 02:36:09 2026\n"


def read(source: MboxSource) -> list[tuple[bytes, Found]]:
    found = []
    for one in source.messages(source.folders[0]):
        assert isinstance(one, Found)
        with one.content() as stream:
            found.append((b"".join(iter(lambda: stream.read(50_000), b"")), one))
    return found


def contents(path: Path, octets: bytes) -> list[bytes]:
    path.write_bytes(octets)
    return [content for content, _ in read(MboxSource(path))]


def test_messages_are_cut_at_lines_from(tmp_path: Path) -> None:
    mbox = FROM + b"A: 1\n\none\n\n" + FROM + b"B: 2\n\ntwo\n\n\n" + FROM + b"C: 3\n\nthree"
    assert contents(tmp_path / "x", mbox) == [
        b"A: 1\n\none\n",
        b"B: 2\n\ntwo\n\n",
        b"C: 3\n\nthree",
    ]


def test_only_a_line_with_a_time_after_an_empty_one_cuts(tmp_path: Path) -> None:
    body = b"A: 1\n\nFrom here\n" + FROM + b"\nFrom now on\n>From quoted\n>>From twice\n>> From x\n"
    assert contents(tmp_path / "x", FROM + body) == [
        body.replace(b">From q", b"From q").replace(b">>From t", b">From t")
    ]


def test_line_ends_of_dos(tmp_path: Path) -> None:
    mbox = (FROM + b"A: 1\nStatus: R\n\none\n\n" + FROM + b"B: 2\n\n>From\n\n").replace(
        b"\n", b"\r\n"
    )
    path = tmp_path / "x"
    path.write_bytes(mbox)
    (one, first), (two, _) = read(MboxSource(path))
    assert one.replace(b"\r\n", b"\n") == b"A: 1\n\none\n"
    assert first.flags == SEEN
    assert two.replace(b"\r\n", b"\n") == b"B: 2\n\n>From\n"


def test_times_of_arrival(tmp_path: Path) -> None:
    lines = (
        b"From a b@x Thu Nov 26 02:36:09 2026", b"From - Thu Nov 26 02:36:09 2026",
        b"From x Thu Nov 26 04:36:09 2026 +0200", b"From x Thu Nov 26 02:36:09 UTC 2026",
    )  # fmt: skip
    path = tmp_path / "x"
    path.write_bytes(b"".join(line + b"\nA: 1\n\nx\n\n" for line in lines))
    times = [one.received for _, one in read(MboxSource(path))]
    assert times == [1_795_660_569_000] * 4
    path.write_bytes(b"From x 99:99 2026\nDate: Thu, 26 Nov 2026 02:36:09 +0000\n\nx\n")
    ((_, one),) = read(MboxSource(path))
    assert one.received == 1_795_660_569_000


def test_long_lines_and_large_messages_go_through_a_file(tmp_path: Path) -> None:
    line = b"x" * (MAX_LINE - 6) + b">From \n"
    body = b"A: 1\n\n" + line * 40 + b"y" * 3_000_000 + b"\n"
    assert contents(tmp_path / "x", FROM + body + b"\n" + FROM + b"B: 2\n\n\n") == [
        body,
        b"B: 2\n\n",
    ]


def test_the_weights_are_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes((FROM + b"A: 1\n\n>From x\n\n") * 5)
    source = MboxSource(path)
    assert sum(one.weight for _, one in read(source)) == source.total == path.stat().st_size


def test_names_of_folders(tmp_path: Path) -> None:
    for name in (
        "Inbox", "Sent.mbox", "Work.sbd/Plans", "Apple.mbox/mbox", "Empty.mbox", ".hidden",
        "deep/er/Box.mbox",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if "Empty" in name else FROM + b"A: 1\n\nx\n")
    (tmp_path / "Inbox.msf").write_bytes(b"// index")
    (tmp_path / "link").symlink_to(tmp_path / "Inbox")
    found = {folder.name: folder for folder in MboxSource(tmp_path).folders}
    assert sorted(found) == ["Apple", "Empty", "INBOX", "Sent", "Work/Plans", "deep/er/Box"]
    assert found["Sent"].special_use == "\\Sent"


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(FROM + b"A: 1\n\nx\n")
    source = MboxSource(path)
    path.unlink()
    (one,) = source.messages(source.folders[0])
    assert isinstance(one, LeftOut)
    assert one.reason == "No such file or directory"


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"Subject: hi\n\n")
    assert not is_mbox(path)
    for wrong in (path, tmp_path):
        with pytest.raises(Refused, match="is no mbox"):
            MboxSource(wrong)


BODY = b"one\n\nFrom b@x.test Fri Nov 27 02:36:09 2026\n>From here\n\nend\n"


LONG = b"x" * 200_000 + b"\n"


def told(body: bytes, length: int, head: bytes = b"") -> bytes:
    return FROM + head + b"A: 1\nContent-Length: %d\n\n" % length + body


@pytest.mark.parametrize("after", [b"", b"\n", b"\n\n"])
@pytest.mark.parametrize("dos", [False, True])
def test_a_length_that_is_true_counts(after: bytes, dos: bool, tmp_path: Path) -> None:
    """mboxcl2: nothing is quoted in it."""

    def ends(octets: bytes) -> bytes:
        return octets.replace(b"\n", b"\r\n") if dos else octets

    more = [told(ends(BODY), len(ends(BODY))), told(b"", 0), told(LONG, len(LONG))]
    mbox = ends(FROM) + b"".join(one.replace(FROM, b"", 1) + after + ends(FROM) for one in more)
    found = contents(tmp_path / "x", mbox + b"B: 2\n\nlast\n")
    spare = after[1:]
    assert [one.replace(b"\r\n", b"\n") for one in found] == [
        b"A: 1\n\n" + BODY + spare,
        b"A: 1\n\n" + spare,
        b"A: 1\n\n" + LONG + spare,
        b"B: 2\n\nlast\n",
    ]


def test_at_the_end_of_the_file(tmp_path: Path) -> None:
    for body in (BODY, BODY.rstrip()):
        (found,) = contents(tmp_path / "x", told(body, len(body)))
        assert found == b"A: 1\n\n" + body


@pytest.mark.parametrize("wrong", [-2, 2, 7, -30, 10**14])
def test_a_length_that_is_not_true_does_not(wrong: int, tmp_path: Path) -> None:
    mbox = told(BODY, max(0, len(BODY) + wrong)) + b"\n" + FROM + b"B: 2\n\nlast\n"
    first, second, last = contents(tmp_path / "x", mbox)
    assert first == b"A: 1\n\none\n"
    assert second == b">From here\n\nend\n".replace(b">", b"")
    assert last == b"B: 2\n\nlast\n"
    both = b"Content-Length: 3\n" + told(BODY, len(BODY)).removeprefix(FROM)
    assert len(contents(tmp_path / "x", FROM + both)) == 2


def test_with_a_length_and_quoted(tmp_path: Path) -> None:
    """mboxcl."""
    body = b">From here\n>>From there\n\n"
    mbox = told(body, len(body)) + b"\n" + told(body, len(body), b"Status: R\n")
    assert contents(tmp_path / "x", mbox) == [b"A: 1\n\nFrom here\n>From there\n\n"] * 2


def test_what_an_export_wrote_has_no_lengths(tmp_path: Path) -> None:
    """A message may have such a field itself."""
    own = b"X-Postroom-Message: {}\nStatus: O\nX-Status: \nX-Keywords: \n"
    mbox = told(b">From x\n\n", 11, own) + FROM + b"B: 2\n\n"
    (first, _) = contents(tmp_path / "x", mbox)
    assert first == b"A: 1\nContent-Length: 11\n\nFrom x\n"


def test_weights_with_lengths(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(told(BODY, len(BODY)) + b"\n" + told(BODY[:-1], len(BODY) - 1) + b"\n")
    assert sum(one.weight for _, one in read(MboxSource(path))) == path.stat().st_size
