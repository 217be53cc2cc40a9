"""Counters: in one server, in several on one database, and over broken writes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from hypothesis import given, settings, strategies as st

from postroom.db.database import Database, Tx
from postroom.directory import sending
from postroom.directory.sending import (
    ASK_MS,
    FLUSH_RECIPIENTS,
    LOOK_MS,
    MAX_WINDOWS,
    WINDOW_MS,
    Denied,
    Sending,
    Sent,
)
from postroom.errors import StorageFailed
from postroom.telemetry.events import StorageTrouble
from tests.conftest import Opener
from tests.fakes import START, Clock, Recorder

T = TypeVar("T")

ANN = 7  # an account


class Place:
    """Servers with one clock on one database."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self.clock = Clock()
        self.one = Sending(db, self.clock, 10)
        self.other = Sending(db, self.clock, 10)

    async def sent(self, account_id: int = ANN) -> Sent | None:
        now = self.clock()
        return (await self.db.read(lambda tx: sending.of(tx, [account_id], now))).get(account_id)

    async def act(self, action: Callable[[Tx], None]) -> None:
        await self.db.write(action)

    @contextlib.asynccontextmanager
    async def closing(self) -> AsyncIterator["Place"]:
        yield self
        await self.one.close()
        await self.other.close()


def tell(database: Opener, story: Callable[[Place], Awaitable[None]]) -> None:
    async def run() -> None:
        async with database() as db, Place(db).closing() as place:
            await story(place)

    asyncio.run(run())


async def send(one: Sending, recipients: int, account_id: int = ANN) -> Denied | None:
    """A message to so many; the refusal of the first recipient that is one too many."""
    held = 0
    denied = None
    for _ in range(recipients):
        denied = await one.take(account_id)
        if denied is not None:
            break
        held += 1
    one.count(account_id, held)
    one.give_back(account_id, held)
    return denied


def test_a_limit_holds_over_24_hours(database: Opener) -> None:
    async def story(place: Place) -> None:
        assert await send(place.one, 4) is None
        place.clock.advance(WINDOW_MS - 1)
        assert await send(place.one, 6) is None
        assert await send(place.one, 1) == Denied(10, 10, is_first=True)
        assert await send(place.one, 1) == Denied(10, 10, is_first=False)
        assert await place.sent() == Sent(10, None, is_stopped=True)
        assert await send(place.one, 1, account_id=8) is None
        place.clock.advance(1)  # 24 hours after the first
        assert await place.sent() == Sent()
        assert await send(place.one, 10) is None
        assert await send(place.one, 1) == Denied(10, 10, is_first=True)

    tell(database, story)


def test_what_open_transactions_hold_counts_and_comes_back(database: Opener) -> None:
    async def story(place: Place) -> None:
        for _ in range(10):
            assert await place.one.take(ANN) is None
        assert await place.one.take(ANN) == Denied(10, 10, is_first=True)
        place.one.give_back(ANN, 9)
        assert await send(place.one, 9) is None
        assert await place.one.take(ANN) is not None
        place.one.give_back(ANN, 100)  # more than was held is all that was held
        assert await send(place.one, 1) is None
        place.one.give_back(99, 1)  # nobody
        place.one.count(99, 1)

    tell(database, story)


def test_no_limit_and_a_limit_of_its_own(database: Opener) -> None:
    async def story(place: Place) -> None:
        unlimited = Sending(place.db, place.clock, 0)
        assert await send(unlimited, 500) is None
        await unlimited.close()
        assert await place.sent() == Sent(500)
        await place.act(lambda tx: sending.set_limit(tx, 8, 2))
        await place.act(lambda tx: sending.set_limit(tx, 9, 0))
        assert await place.sent(8) == Sent(0, 2)
        assert await send(place.one, 3, 8) == Denied(2, 2, is_first=True)
        assert await send(place.one, 30, 9) is None
        await place.act(lambda tx: sending.set_limit(tx, 8, None))
        await place.one.flush()
        assert await place.sent(8) == Sent(2, None, is_stopped=True)

    tell(database, story)


def test_what_a_postmaster_changes_counts_at_once(database: Opener) -> None:
    """In another process, without a hint."""

    async def story(place: Place) -> None:
        assert (await send(place.one, 11)) is not None
        await place.one.flush()
        await place.act(lambda tx: sending.release(tx, ANN))
        assert await send(place.one, 1) is not None  # asked within the second
        place.clock.advance(ASK_MS)
        assert await send(place.one, 10) is None
        place.clock.advance(ASK_MS)
        assert await send(place.one, 1) == Denied(10, 10, is_first=True)
        await place.act(lambda tx: sending.set_limit(tx, ANN, 12))
        place.clock.advance(ASK_MS)
        assert await send(place.one, 3) == Denied(12, 12, is_first=False)
        await place.act(lambda tx: sending.release(tx, 12345))
        assert await place.sent(12345) is None

    tell(database, story)


def test_a_limit_that_is_set_while_somebody_sends_counts_within_seconds(database: Opener) -> None:
    """In another process, where there was none before."""

    async def story(place: Place) -> None:
        unlimited = Sending(place.db, place.clock, 0)
        assert await send(unlimited, 3) is None
        await place.act(lambda tx: sending.set_limit(tx, ANN, 5))
        place.clock.advance(LOOK_MS)
        assert await send(unlimited, 3) == Denied(5, 5, is_first=True)
        await place.act(lambda tx: sending.set_limit(tx, ANN, None))
        place.clock.advance(LOOK_MS)
        assert await send(unlimited, 30) is None
        await unlimited.close()

    tell(database, story)


def test_servers_on_one_database_add_up(database: Opener) -> None:
    async def story(place: Place) -> None:
        assert await send(place.one, 4) is None
        assert await send(place.other, 4) is None
        await place.one.flush()
        await place.other.flush()
        assert await place.sent() == Sent(8)
        assert await send(place.other, 3) == Denied(10, 10, is_first=True)
        assert await send(place.one, 6) is None  # it learns of the other's when it writes
        await place.other.flush()
        await place.one.flush()
        assert await send(place.one, 1) == Denied(16, 10, is_first=False)
        assert await place.sent() == Sent(16, None, is_stopped=True)

    tell(database, story)


def test_a_hundred_recipients_are_written_at_once(database: Opener) -> None:
    async def story(place: Place) -> None:
        many = Sending(place.db, place.clock, 0)
        assert await send(many, FLUSH_RECIPIENTS - 1) is None
        assert await place.sent() is None
        assert await send(many, 1) is None
        assert many._flushing is not None
        await many._flushing
        assert await place.sent() == Sent(FLUSH_RECIPIENTS)
        assert await send(many, 5) is None
        assert many._timer is not None
        await many.close()
        assert await place.sent() == Sent(FLUSH_RECIPIENTS + 5)

    tell(database, story)


def test_what_is_counted_in_a_flush_is_not_lost(database: Opener) -> None:
    async def story(place: Place) -> None:
        assert await send(place.one, 2) is None
        flushing = asyncio.create_task(place.one.flush())
        await asyncio.sleep(0)
        place.one.count(ANN, 3)
        place.one._flush_soon()
        await flushing
        assert await place.one.take(ANN) is None
        await place.one.close()
        assert await place.sent() == Sent(5)

    tell(database, story)


class Failing:
    """A database whose writes fail while ``fails``."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.fails = True

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        if self.fails:
            raise StorageFailed(detail="the disk is gone")
        return await self._db.write(fn, bulk=bulk)


def test_a_write_that_fails_is_made_up_for(database: Opener, events: Recorder) -> None:
    async def story(place: Place) -> None:
        broken = Failing(place.db)
        one = Sending(broken, place.clock, 10)  # type: ignore[arg-type]
        assert await send(one, 9) is None
        await one.flush()
        assert await place.sent() is None
        try:
            await send(one, 2)
        except StorageFailed:
            one.give_back(ANN, 1)
        broken.fails = False
        await one.close()
        assert await place.sent() == Sent(9)

    tell(database, story)
    assert [event.reason for event in events.of(StorageTrouble)] == ["the disk is gone"]


def test_a_clock_that_is_set_back_does_not_stop_anybody_for_long(database: Opener) -> None:
    async def story(place: Place) -> None:
        place.clock.advance(days=1000)
        assert (await send(place.one, 11)) is not None
        place.clock.now = START
        assert await place.sent() == Sent()
        assert await send(place.one, 10) is None
        assert await send(place.other, 10) is None
        await place.one.flush()
        assert await place.sent() == Sent(10)

    tell(database, story)


def test_memory_is_bounded(database: Opener) -> None:
    async def story(place: Place) -> None:
        assert await place.one.take(ANN) is None
        for ident in range(100, 100 + MAX_WINDOWS):
            place.one._windows[ident] = sending._Window(START, 0, None, is_stopped=False)
        await place.one.flush()
        assert list(place.one._windows) == [ANN]

    tell(database, story)


def test_nothing_is_left_of_an_account_that_is_gone(database: Opener) -> None:
    async def story(place: Place) -> None:
        assert await send(place.one, 2) is None
        await place.one.flush()
        await place.act(lambda tx: sending.forget(tx, ANN))
        assert await place.sent() is None

    tell(database, story)


STEPS = st.lists(
    st.tuples(st.sampled_from(["send", "flush", "restart", "release", "wait"]), st.integers(1, 6)),
    max_size=30,
)


def test_nobody_gets_above_the_limit_by_one_server(database: Opener) -> None:
    """Against a plain sum, whatever the order of flushes, restarts, releases and pauses."""

    @settings(max_examples=25, deadline=None)
    @given(steps=STEPS)
    def check(steps: list[tuple[str, int]]) -> None:
        async def story(place: Place) -> None:
            total, began = 0, 0
            for what, number in steps:
                now = place.clock()
                if now >= began + WINDOW_MS:
                    total = 0
                if what == "send":
                    began = began if total else now
                    denied = await send(place.one, number)
                    assert (denied is not None) is (total + number > 10)
                    total = min(10, total + number)
                elif what == "flush":
                    await place.one.flush()
                elif what == "wait":
                    place.clock.advance(WINDOW_MS // 3)
                else:
                    await place.one.close()
                    place.one = Sending(place.db, place.clock, 10)
                    if what == "release":
                        await place.act(lambda tx: sending.release(tx, ANN))
                        total = 0

        tell(database, story)

    check()


def test_who_is_barred_is_stopped_within_seconds_until_the_release(database: Opener) -> None:
    async def story(place: Place) -> None:
        assert await send(place.one, 1) is None
        await place.act(lambda tx: sending.bar(tx, ANN))
        assert await send(place.other, 1) == Denied(0, 10, is_first=False, is_barred=True)
        place.clock.advance(LOOK_MS)
        assert await place.one.take(ANN) == Denied(1, 10, is_first=False, is_barred=True)
        place.clock.advance(2 * WINDOW_MS)
        denied = await send(place.one, 1)
        assert denied is not None
        assert denied.is_barred
        assert await place.sent() == Sent(0, None, is_stopped=True)
        await place.act(lambda tx: sending.release(tx, ANN))
        place.clock.advance(ASK_MS)
        assert await send(place.one, 10) is None

    tell(database, story)
