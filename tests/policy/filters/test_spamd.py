"""spamd: told who brought a message, and whatever it answers is an answer or a failure."""

import asyncio
import re

import pytest

from postroom.policy.filters import spamd
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed
from tests.loop import patiently
from tests.policy.filters.fakes import Talk, listening, silent
from tests.policy.letters import facts, letter

SPAM = b"SPAMD/1.1 0 EX_OK\r\nContent-length: 14\r\nSpam: True ; 15.1 / 5.0\r\n\r\nGTUBE,NO_DATE\n"


class Spamd:
    """Reads a request as spamd does, by its length."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.seen = b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found = re.fullmatch(rb"SYMBOLS SPAMC/1\.5\r\nContent-length: (\d+)\r\n\r\n", head)
        assert found is not None
        self.seen = await reader.readexactly(int(found[1]))
        assert await reader.read(1) == b""
        writer.write(self.answer)


def asked(fake: Talk, helo: str = "client.example") -> Finding:
    async def run() -> Finding:
        async with listening(fake) as place:
            return await spamd.ask(place, facts(letter("hi"), helo=helo), "mx.local.test")

    return patiently(run())


def test_spam_is_junk_with_its_rules() -> None:
    fake = Spamd(SPAM)
    found = asked(fake)
    assert (found.action, found.score) == ("junk", 15.1)
    assert found.reason == "15.1 points, spam from 5: GTUBE, NO_DATE"
    assert fake.seen.startswith(
        b"Return-Path: <ann@client.example>\r\nReceived: from client.example"
    )
    assert b"[192.0.2.1]" in fake.seen
    assert b"by mx.local.test" in fake.seen
    assert fake.seen.endswith(b"+0000\r\n" + letter("hi"))


def test_what_is_no_spam_passes_with_its_points() -> None:
    found = asked(Spamd(b"SPAMD/1.1 0 EX_OK\r\nSpam: False ; -1.9 / 5.0\r\n\r\n"))
    assert (found.action, found.score) == ("pass", -1.9)
    assert found.reason == "-1.9 points, spam from 5: no rule"


def test_a_helo_adds_no_field() -> None:
    fake = Spamd(SPAM)
    asked(fake, "x\r\nX-Evil: 1)")
    assert b"\r\nX-Evil" not in fake.seen


@pytest.mark.parametrize(
    "answer",
    [
        b"SPAMD/1.0 76 Bad header line: nothing\r\n",
        b"SPAMD/1.1 0 EX_OK\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 15 /",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: Maybe ; 1.0 / 5.0\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; 1.0.0 / 5.0\r\n\r\n",
        b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; nan / 5.0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\xff\xfe\0",
        b"x" * 60_000,
        b"x" * 70_000,
    ],
)
def test_nonsense_is_a_failure(answer: bytes) -> None:
    with pytest.raises(Failed, match="it answered|longer than"):
        asked(Spamd(answer))


def test_it_hangs_up() -> None:
    with pytest.raises(Failed, match="without an answer|lost"):
        asked(silent)
