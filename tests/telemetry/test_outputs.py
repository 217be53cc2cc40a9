"""The log file is capped, private, shared by processes, and never stops the mail."""

import io
import resource
import stat
from pathlib import Path

from postroom.telemetry.events import ServerStopping
from postroom.telemetry.outputs import FileOutput, StreamOutput, files

LINE = b"x" * 99 + b"\n"


def test_the_file_is_private_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "log" / "postroom.jsonl"
    output = FileOutput(path, size=1_000, keep=2)
    output.write(LINE)
    output.close()
    assert path.read_bytes() == LINE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_full_file_is_turned_over_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    output = FileOutput(path, size=300, keep=2)
    for number in range(30):
        output.write(b"%099d\n" % number)
    output.close()
    assert [file.name for file in files(path)] == ["log.2", "log.1", "log"]
    kept = b"".join(file.read_bytes() for file in files(path)).split()
    assert [int(line) for line in kept] == list(range(21, 30))
    assert output.failed == 0


def test_nothing_is_kept_when_nothing_shall_be(tmp_path: Path) -> None:
    path = tmp_path / "log"
    output = FileOutput(path, size=300, keep=0)
    for _ in range(30):
        output.write(LINE)
    output.close()
    assert [file.name for file in files(path)] == ["log"]
    assert path.stat().st_size <= 300


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    first, second = (FileOutput(path, size=1_000, keep=9) for _ in range(2))
    for number in range(50):
        (first, second)[number % 2].write(b"%099d\n" % number)
    first.close()
    second.close()
    lines = [line for file in files(path) for line in file.read_bytes().split()]
    assert [int(line) for line in lines] == list(range(50))


def test_a_file_that_was_moved_away_is_opened_again(tmp_path: Path) -> None:
    path = tmp_path / "log"
    output = FileOutput(path, size=1_000, keep=2)
    output.write(LINE)
    path.rename(tmp_path / "moved")
    output.write(LINE)
    output.close()
    assert path.read_bytes() == LINE


def test_it_is_open_before_there_is_anything_to_write(tmp_path: Path) -> None:
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    output = FileOutput(tmp_path / "log", size=1_000, keep=2)
    assert not (tmp_path / "log").exists()  # its folder is made by who checks and owns it
    output.open()
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))  # nothing can be opened
    try:
        output.write(LINE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most))
        output.close()
    assert (tmp_path / "log").read_bytes() == LINE


def test_after_a_cut_line_there_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log"
    output = FileOutput(path, size=1_000, keep=2)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(LINE) + 5, before[1]))  # as on a full disk
    try:
        for _ in range(3):
            output.write(LINE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    output.write(LINE)
    output.write(LINE)
    output.close()
    assert path.read_bytes() == LINE + LINE[:5] + b"\n" + LINE + LINE
    assert output.failed == 2


def test_a_disk_that_takes_nothing_is_counted(tmp_path: Path) -> None:
    output = FileOutput(Path("/dev/full"), size=1_000, keep=2)
    output.write(LINE)
    output.close()
    (tmp_path / "file").touch()
    beneath = FileOutput(tmp_path / "file" / "log", size=1_000, keep=2)
    beneath.write(LINE)
    beneath.write(LINE)
    assert (output.failed, beneath.failed) == (1, 2)


def test_a_stream_speaks_json_or_text() -> None:
    stream = io.BytesIO()
    event = ServerStopping(reason="asked to")
    for form in ("json", "text"):
        output = StreamOutput(stream, "json" if form == "json" else "text")
        output.write(output.format(event, 0))
        output.close()
    assert stream.getvalue() == (
        b'{"at":"1970-01-01T00:00:00.000Z","event":"server.stopping","reason":"asked to"}\n'
        b'1970-01-01T00:00:00.000Z info    server.stopping reason="asked to"\n'
    )


def test_a_closed_terminal_is_counted() -> None:
    stream = io.BytesIO()
    stream.close()
    output = StreamOutput(stream, "text")
    output.write(LINE)
    assert output.failed == 1
