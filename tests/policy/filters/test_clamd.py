"""clamd: the whole message goes there in chunks; whatever it answers is an answer or a failure."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroom.policy.facts import Facts
from postroom.policy.filters import clamd
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed
from tests.loop import patiently
from tests.policy.filters.fakes import VIRUS, Clamd, listening
from tests.policy.letters import facts, letter


def asked(fake: Clamd, known: Facts, path: Path | None = None) -> Finding:
    async def run() -> Finding:
        async with listening(fake, path) as place:
            return await clamd.ask(place, known, "mx.local.test")

    return patiently(run())


def test_a_message_without_a_virus(tmp_path: Path) -> None:
    fake = Clamd()
    assert asked(fake, facts(letter("hi")), tmp_path / "clamd.ctl") == Finding()
    assert fake.seen == [letter("hi")]


def test_a_message_with_a_virus() -> None:
    found = asked(Clamd(), facts(letter(VIRUS.decode())))
    assert found.action == "refuse"
    assert found.reason == "Our.Test.Virus was found"
    assert found.told == "The message holds malware: Our.Test.Virus"


def test_a_large_message_goes_there_piece_by_piece() -> None:
    pieces = [b"x" * 1_000_000, b"", b"y" * 500_000, VIRUS[:9], VIRUS[9:]]

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    fake = Clamd()
    known = facts(letter("hi"), is_whole=False, body=body)
    assert asked(fake, known).action == "refuse"
    assert fake.seen == [known.head + b"".join(pieces)]


def test_clamd_takes_less_than_it_is_sent() -> None:
    with pytest.raises(Failed, match=r"size limit exceeded|lost"):
        asked(Clamd(limit=100), facts(letter("x" * 60_000)))


@pytest.mark.parametrize(
    "answer",
    ["", "OK", "stream: ", "stream: ok", "FOUND", "stream: FOUND", "stream:  FOUND", "x FOUND",
     "UNKNOWN COMMAND", "stream: Can't allocate memory ERROR", "stream: OK FOUND ERROR"],
)  # fmt: skip
def test_nonsense_is_a_failure(answer: str) -> None:
    with pytest.raises(Failed, match="it answered"):
        clamd.read(answer)


def test_a_long_name_is_cut() -> None:
    found = clamd.read(f"stream: {'x' * 5_000} FOUND")
    assert len(found.told) < 200
