"""INPROGRESS."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.access.work import Work
from postroom.listen.imap import progress as module
from postroom.listen.imap.progress import SECONDS, progress
from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


class Timers:
    """An event loop's timers that go off when they are told to."""

    def __init__(self) -> None:
        self.waiting: list[Timer] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> "Timer":
        assert seconds == SECONDS
        timer = Timer(callback)
        self.waiting.append(timer)
        return timer

    def go_off(self) -> None:
        """Those that wait and were not cancelled."""
        due, self.waiting = self.waiting, []
        for timer in due:
            if not timer.is_cancelled:
                timer.callback()


class Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Talk:
    """A conversation as far as progress is concerned."""

    def __init__(self) -> None:
        self.selected = self.session = self.wire = self
        self.work = Work()
        self.tag = b"A001"
        self.lines: list[bytes] = []
        self.written: list[bytes] = []

    def untagged(self, line: bytes) -> None:
        self.lines.append(line)

    def data_to_send(self) -> bytes:
        octets = b"".join(self.lines)
        self.lines.clear()
        return octets

    def write(self, octets: bytes) -> None:
        self.written.append(octets)


def test_every_ten_seconds_until_the_end() -> None:
    talk, timers = Talk(), Timers()
    with progress(talk, timers.call_later):  # type: ignore[arg-type]
        timers.go_off()
        talk.work.begin(1000)
        timers.go_off()
        talk.work.advance(454)
        timers.go_off()
        talk.work.advance(1000)
        timers.go_off()
    timers.go_off()
    codes = [re.findall(rb"\[(.*)\]", octets)[0] for octets in talk.written]
    assert codes == [
        b'INPROGRESS ("A001" NIL NIL)',
        b'INPROGRESS ("A001" 0 1000)',
        b'INPROGRESS ("A001" 454 1000)',
        b'INPROGRESS ("A001" 999 1000)',  # the end is the tagged response
    ]
    assert all(octets.startswith(b"* OK [") for octets in talk.written)


def test_a_quick_command_says_nothing_and_a_failure_ends_it() -> None:
    talk, timers = Talk(), Timers()
    with pytest.raises(ValueError, match="x"), progress(talk, timers.call_later):  # type: ignore[arg-type]
        raise ValueError("x")
    timers.go_off()
    assert talk.written == []
    with progress(talk, timers.call_later):  # type: ignore[arg-type]
        assert talk.work.goal == 0


@pytest.mark.parametrize(
    "command",
    [
        b"SEARCH BODY nothing",
        b"SORT (SUBJECT) UTF-8 BODY body",
        b"THREAD REFERENCES UTF-8 BODY body",
        b"COPY 1:* other",
        b"MOVE 1:* other",
    ],
)
def test_through_the_door(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch, command: bytes
) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"CREATE other")
        for _ in range(3):
            await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        monkeypatch.setattr(module, "SECONDS", 0.0)  # as often as the loop turns
        *lines, last = await client.command(command)
        assert last.startswith(b"OK ")
        told = [line for line in lines if b"[INPROGRESS" in line]
        assert told
        assert all(b' ("t7" ' in line for line in told)
        goals = [int(found[1]) for line in told if (found := re.search(rb" (\d+)\)\]", line))]
        assert goals == sorted(goals)
        assert await client.ok(b"NOOP") == []

    at_home(data, main, database=database)
