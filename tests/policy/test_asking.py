"""The questions of one message: once each, together, and within one time."""

import asyncio

from postroom.mailauth.lookups import Check, Fetch, FetchFailed, Lookup, LookupFailed, texts
from postroom.policy.asking import MAX_QUESTIONS, Asking
from tests.loop import on_loop
from tests.policy.zone import Seconds, Zone

A = ("a.test", "TXT")


def both(one: str, other: str) -> Check[tuple[object, ...]]:
    first = yield from texts(one)
    second = yield from texts(other)
    return first, second


def tried(name: str) -> Check[str]:
    try:
        found = yield from texts(name)
    except LookupFailed as error:
        return str(error)
    return repr(found)


@on_loop
async def test_what_is_known_makes_no_task() -> None:
    zone = Zone({A: (b"x",)})
    zone.cached = {"*"}
    asking = Asking(zone)
    result = asking.begin(both("a.test", "b.test"))
    assert not isinstance(result, asyncio.Task)
    assert await result == ((b"x",), ())
    assert zone.asked == []


@on_loop
async def test_every_question_is_asked_once() -> None:
    zone = Zone({A: (b"x",)})
    asking = Asking(zone)
    assert await asking.run(both("a.test", "a.test")) == ((b"x",), (b"x",))
    assert await asking.run(tried("a.test")) == "(b'x',)"
    assert zone.asked == [A]
    assert [(one.question.name, one.answer, one.problem) for one in asking.asked] == [
        ("a.test", (b"x",), "")
    ]


@on_loop
async def test_checks_wait_at_the_same_time() -> None:
    zone = Zone()
    zone.held = asyncio.Event()
    asking = Asking(zone)
    first, second = asking.begin(tried("a.test")), asking.begin(tried("b.test"))
    await asyncio.sleep(0)
    assert len(zone.asked) == 2
    zone.held.set()
    assert (await first, await second) == ("()", "()")


@on_loop
async def test_all_lookups_have_five_seconds_together() -> None:
    clock = Seconds()
    zone = Zone(clock=clock)
    zone.silent = {"a.test", "b.test"}
    asking = Asking(zone, clock=clock)
    assert await asking.run(tried("c.test")) == "()"
    clock.now += 1_000  # nobody waits: the content comes
    assert await asking.run(tried("a.test")) == "no answer in 5 s"
    assert await asking.run(tried("b.test")) == "the time for lookups is over"
    assert zone.given == [5.0, 5.0]
    assert zone.asked[-1] == A
    assert asking.asked[-1].problem == "the time for lookups is over"


@on_loop
async def test_what_was_known_counts_after_the_time() -> None:
    clock = Seconds()
    zone = Zone({("c.test", "TXT"): (b"y",)}, clock=clock)
    zone.silent, zone.cached = {"a.test"}, {"c.test"}
    asking = Asking(zone, clock=clock)
    await asking.run(tried("a.test"))
    assert await asking.run(tried("c.test")) == "(b'y',)"


@on_loop
async def test_there_is_an_end_of_questions() -> None:
    zone = Zone()
    asking = Asking(zone)
    for number in range(MAX_QUESTIONS):
        assert await asking.run(tried(f"n{number}.test")) == "()"
    assert "more than" in await asking.run(tried("last.test"))
    assert len(zone.asked) == MAX_QUESTIONS


@on_loop
async def test_a_name_that_can_not_be_is_not_there() -> None:
    asking = Asking(Zone())
    assert await asking.run(tried("a..test")) == "()"
    assert await asking.run(tried("x" * 64 + ".test")) == "()"


@on_loop
async def test_nothing_is_fetched() -> None:
    def fetching() -> Check[str]:
        try:
            yield Fetch(url="https://a.test/", max_octets=1, media_type="text/plain")
        except FetchFailed as error:
            return str(error)
        return ""

    asking = Asking(Zone())
    assert "nothing is fetched" in await asking.run(fetching())
    assert "nothing is fetched" in await asking.run(fetching(), is_heavy=True)


@on_loop
async def test_heavy_work_is_done_apart() -> None:
    zone = Zone({A: (b"x",)})
    asking = Asking(zone)
    assert await asking.run(both("a.test", "b.test"), is_heavy=True) == ((b"x",), ())


@on_loop
async def test_a_message_that_is_gone_asks_no_more() -> None:
    zone = Zone()
    zone.held = asyncio.Event()
    asking = Asking(zone)
    under_way = asking.begin(tried("a.test"))
    asking.begin_lookup(Lookup("b.test", "TXT"))
    assert isinstance(under_way, asyncio.Task)
    await asyncio.sleep(0)
    asking.close()
    await asyncio.wait([under_way])
    assert under_way.cancelled()
