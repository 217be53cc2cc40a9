"""One milter at one session: what its words come to, and what is left after a failure."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from postroom.config.filters import Filter
from postroom.policy.filters.milter import Client, Ending, Message, Talk
from postroom.protocol.milter.answers import AddHeader
from postroom.protocol.milter.packets import pack
from postroom.telemetry.events import FilterFailed
from tests.fakes import Recorder
from tests.loop import patiently
from tests.policy.filters.fakes import listening, written
from tests.policy.filters.libmilter import (
    CONTINUE,
    REJECT,
    SKIP,
    Milter,
    adds,
    options,
    replies,
)

CLIENT = Client(address="192.0.2.1", port=4000, helo="c.test")
FIELDS = [(b"Subject", b" hi\r\n")]


def talked(fake: Milter, story: Callable[[Talk], Awaitable[None]], **settings: object) -> None:
    async def run() -> None:
        async with listening(fake) as place:
            fields = {"kind": "milter", "address": written(place), "seconds": 5.0, **settings}
            talk = Talk(Filter(**fields), CLIENT)  # type: ignore[arg-type]
            try:
                await story(talk)
            finally:
                talk.close()
                await fake.ended.wait()

    patiently(run())


async def ended(talk: Talk, body: list[bytes], got: list[bytes] | None = None) -> Ending:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in body:
            yield piece

    async def replace(octets: bytes) -> None:
        if got is not None:
            got.append(octets)

    assert await talk.mail(b"<a@c.test>\0", {}) is None
    assert await talk.rcpt(b"<b@l.test>\0", {}) is None
    assert await talk.data() is None
    size = sum([len(piece) for piece in body])
    return await talk.end(Message(fields=FIELDS, body=pieces, size=size, replace=replace))


def test_a_message_and_the_next_one() -> None:
    fake = Milter(B=[CONTINUE, SKIP, CONTINUE], E=adds("X", "y") + pack(b"b", b"new") + CONTINUE)

    async def story(talk: Talk) -> None:
        assert await talk.begin() is None
        got: list[bytes] = []
        ending = await ended(talk, [b"x" * 65_536, b"y", b"z"], got)
        assert ending.changes == (AddHeader(b"X", b" y"),)
        assert (ending.has_body, got) == (True, [b"new"])
        assert ending.verdict.reason == ""
        assert fake.of("B") == [b"x" * 65_535, b"x"]
        await ended(talk, [b"z"])
        assert fake.of("B")[2:] == [b"z"]
        assert fake.connections == 1

    talked(fake, story)


def test_steps_that_it_does_not_want() -> None:
    fake = Milter(agreed=options(steps=0x1 | 0x2 | 0x10 | 0x20 | 0x200))

    async def story(talk: Talk) -> None:
        await ended(talk, [b"x"])
        assert fake.steps == "OMRNE"

    talked(fake, story)


def test_after_a_failure_it_is_asked_about_the_next_message(events: Recorder) -> None:
    fake = Milter(L=[b"", CONTINUE])

    async def story(talk: Talk) -> None:
        ending = await ended(talk, [b"x"])
        assert ending.verdict.action == "pass"
        assert ending.verdict.reason == "failed, went on without it: it closed the connection"
        assert len(events.of(FilterFailed)) == 1
        fake.answers.clear()
        ending = await ended(talk, [b"x"])
        assert ending.verdict.reason == ""
        assert fake.connections == 2

    talked(fake, story)


def test_a_connection_that_ended_between_messages_is_no_failure(events: Recorder) -> None:
    fake = Milter(M=[CONTINUE, b""])

    async def story(talk: Talk) -> None:
        await ended(talk, [b"x"])
        ending = await ended(talk, [b"x"])
        assert ending.verdict.reason == ""
        assert fake.connections == 2
        assert events == []

    talked(fake, story)


def test_a_refusal_has_the_text_it_gives() -> None:
    async def story(talk: Talk) -> None:
        ending = await ended(talk, [b"x"])
        assert ending.verdict.action == "refuse"
        assert ending.verdict.reply is not None
        assert ending.verdict.reply.encode() == b"554-5.7.9 one\r\n554 5.7.9 two\r\n"
        assert ending.verdict.reason == "refused (at END: 554 5.7.9 one)"

    talked(Milter(E=adds("X", "y") + replies("554-5.7.9 one\r\n554 5.7.9 two")), story)


@pytest.mark.parametrize(
    ("gravest", "action"), [("refuse", "refuse"), ("junk", "junk"), ("note", "pass")]
)
def test_what_it_can_do(gravest: str, action: str) -> None:
    async def story(talk: Talk) -> None:
        ending = await ended(talk, [b"x"])
        assert ending.verdict.action == action
        assert (ending.verdict.reply is None) is (gravest != "refuse")

    talked(Milter(L=REJECT), story, gravest=gravest)


def test_what_can_not_be_done_is_a_failure(events: Recorder) -> None:
    async def story(talk: Talk) -> None:
        await ended(talk, [b"x"])
        ending = talk.failed("too large")
        assert ending.verdict.action == "defer"
        assert ending.changes == ()
        assert events.of(FilterFailed)[0].reason == "too large"

    talked(Milter(), story, on_failure="defer")


def test_a_milter_that_is_not_there(events: Recorder) -> None:
    async def run() -> None:
        talk = Talk(Filter(kind="milter", address="/nonexistent/x", on_failure="defer"), CLIENT)
        assert await talk.begin() is None
        refusal = await talk.mail(b"<>\0", {})
        assert refusal is not None
        assert refusal[0].code == 451
        assert "no connection" in events.of(FilterFailed)[0].reason

    patiently(run())
