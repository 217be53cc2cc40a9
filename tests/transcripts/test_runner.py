"""The runner notices what a transcript does not say."""

import asyncio
from pathlib import Path

import pytest

from tests.transcripts.runner import compare, load, play


class Parrot:
    """Says back each line; closes after "quit"."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.is_closed = False

    async def send(self, octets: bytes) -> None:
        self.said += octets.decode().splitlines()
        self.is_closed = b"quit" in octets

    async def lines(self, count: int) -> list[str]:
        said, self.said = self.said, []
        return said

    async def start_tls(self) -> None:
        self.said.append("in TLS")

    async def rest(self) -> str:
        assert self.is_closed
        return "".join(self.said)


def write(folder: Path, text: str) -> Path:
    path = folder / "dialogue.txt"
    path.write_text(text)
    return path


def test_a_dialogue_is_played(tmp_path: Path) -> None:
    text = "# comment\n! auth=tls trusted\nC: a\nC| b\\x41\\r\\n\nS: a\nS: b..\nTLS\nS: in TLS\nC: quit\nS: quit\nEND\n"
    script = load(write(tmp_path, text))
    assert script.settings == {"auth": "tls", "trusted": ""}
    assert [turn.kind for turn in script.turns] == [
        "client",
        "server",
        "tls",
        "server",
        "client",
        "server",
        "end",
    ]
    asyncio.run(play(script, Parrot()))


@pytest.mark.parametrize(
    "text",
    ["C: a\nS: b\n", "C: a\nC: b\nS: a\n", "C: a\nS: a\nS: b\n", "C: a\nEND\n", "S: a\n"],
)
def test_a_difference_is_noticed(tmp_path: Path, text: str) -> None:
    with pytest.raises(AssertionError):
        asyncio.run(play(load(write(tmp_path, text)), Parrot()))


def test_a_line_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="dialogue.txt:2: 'X: b'"):
        load(write(tmp_path, "C: a\nX: b\n"))


def test_the_diff_shows_both_sides() -> None:
    with pytest.raises(AssertionError, match=r"-250 a\n\+251 b"):
        compare(["251 b"], ["250 a"])
