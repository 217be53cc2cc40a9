"""Answers are bounded and whole, or there is none."""

from pathlib import Path

import pytest

from postroom.config.filters import Place
from postroom.policy.filters.wire import Failed, connected
from tests.loop import patiently
from tests.policy.filters.fakes import Talk, answering, endless, listening, silent


def asked(talk: Talk, most: int = 100, until: bytes = b"", send: bytes = b"?") -> bytes:
    async def run() -> bytes:
        async with listening(talk) as place, connected(place) as wire:
            await wire.send(send)
            wire.end()
            return await wire.answer(most, until=until)

    return patiently(run())


def test_an_answer_ends_with_the_connection_or_before() -> None:
    assert asked(answering(b"yes\0more")) == b"yes\0more"
    assert asked(answering(b"yes\0more"), until=b"\0") == b"yes"
    assert asked(answering(b"x" * 100)) == b"x" * 100


@pytest.mark.parametrize(
    ("talk", "reason"),
    [
        (answering(b"x" * 101), "longer than"),
        (endless, "longer than"),
        (answering(b"cut"), "cut off"),
        (silent, "without an answer|lost"),
    ],
)
def test_what_is_no_answer(talk: Talk, reason: str) -> None:
    with pytest.raises(Failed, match=reason):
        asked(talk, until=b"\0")


def test_who_hangs_up_early_is_sent_nothing_more() -> None:
    async def run() -> None:
        async with listening(silent) as place, connected(place) as wire:
            for _ in range(100):
                await wire.send(b"x" * 65_536)
            wire.end()
            await wire.answer(100)

    with pytest.raises(Failed, match="without an answer|lost"):
        patiently(run())


def test_nobody_is_there(tmp_path: Path) -> None:
    async def run(place: Place) -> None:
        async with connected(place):
            pass

    with pytest.raises(Failed, match="no connection: No such file"):
        patiently(run(Place(path=str(tmp_path / "none"))))
