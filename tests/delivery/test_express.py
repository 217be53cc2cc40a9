"""The express lane: from the commit to a courier, and every way out of it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from postroom.delivery import express as lanes
from postroom.delivery.express import GATHERED, MOST
from postroom.message import headers
from postroom.post.letter import Letter
from postroom.queue.claims import LEASE_MS
from postroom.queue.rows import CLAIMED, WAITING, Outgoing, Queued
from rig.smtp import Act
from tests.conftest import Opener
from tests.delivery.station import OCTETS, Station, alone, station

B = "you@b.test"


async def made(here: Station, *recipients: str, octets: bytes = OCTETS, **queued: object) -> Letter:
    """A letter as intake hands it to the commit."""
    head, body = headers.split(octets)
    blob = here.blobs.writer().write_small(head, body)
    ident, now = here.ids.next(), here.clock()
    letter = Queued(
        **{"id": ident, "blob_id": blob.id, "sender": b"alice@home.test", "size": len(octets),
           "accepted": now, **queued}  # type: ignore[arg-type]
    )  # fmt: skip
    outgoing = [
        Outgoing(ident, number, one.encode(), one.rpartition("@")[2])
        for number, one in enumerate(recipients)
    ]
    return Letter(blob=blob, queued=letter, outgoing=tuple(outgoing), content=(head, body))


async def until(holds: Callable[[], Awaitable[object]]) -> None:
    """Ask the database again until it holds."""
    for _ in range(20_000):
        if await holds():
            return
    raise AssertionError("it never held")


async def nothing_waits(here: Station) -> bool:
    return not await here.waiting()


async def has_taken(here: Station, count: int) -> bool:
    await here.leases()
    return len(here.sink.taken) == count


async def is_open(here: Station) -> bool:
    await here.leases()
    letter = await made(here, "probe@elsewhere.test")
    return here.dispatcher.express.admit(letter) != letter


async def in_trouble(here: Station) -> bool:
    await here.leases()
    return here.services.troubles.has("b.test", here.clock())


@contextlib.asynccontextmanager
async def open_lane(here: Station) -> AsyncIterator[None]:
    """Delivery runs, its lane open."""
    here.post.express = here.dispatcher.express
    running = asyncio.create_task(here.dispatcher.run())
    try:
        await until(lambda: is_open(here))
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_a_fresh_message_goes_without_a_claim(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here, open_lane(here):
            letter = await made(here, B, "too@b.test")
            await here.post.commit(letter)
            await until(lambda: nothing_waits(here))
            await here.dispatcher.stop(5)
            (taken,) = here.sink.taken
            assert taken.recipients == [B, "too@b.test"]
            assert taken.octets.endswith(OCTETS)
            assert await here.waiting() == []
            assert (await here.counted()).get("lease", 0) == 0
            here.start({})

    asyncio.run(run())


@pytest.mark.parametrize("why", ["later", "two domains", "trouble", "closed", "large"])
def test_what_has_no_place_in_the_lane_waits_in_the_queue(
    database: Opener, data: Path, why: str
) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            lane = here.dispatcher.express
            if why != "closed":
                lane.open(77)
            letter = await made(here, B)
            match why:
                case "later":
                    letter = await made(here, B, due=here.clock() + 60_000)
                case "two domains":
                    letter = await made(here, B, "you@c.test")
                case "trouble":
                    here.services.troubles.note("b.test", here.clock() + 60_000)
                case "large":
                    letter = msgspec.structs.replace(letter, content=None)
                case _:
                    pass
            assert lane.admit(letter) == letter
            here.services.troubles.forget("b.test")
            if why != "closed":
                again = lane.admit(await made(here, B))
                assert {one.lease for one in again.outgoing} == {77}
            lane.close()
            plain = await made(here, B)
            assert lane.admit(plain) == plain

    asyncio.run(run())


def test_the_lane_holds_only_so_many(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            lane = here.dispatcher.express
            here.sink.fault("GREETING", Act.SILENT)
            lane.open(77)
            letter = lane.admit(await made(here, B))
            for _ in range(MOST):
                lane.take(letter)
            assert lane.admit(await made(here, B)).outgoing[0].lease is None
            await here.dispatcher.stop(0)  # the server will never say a word

    asyncio.run(run())


def test_messages_gather_while_a_courier_is_busy(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE", 3_600)

    async def run() -> None:
        async with station(alone(tmp_path), data) as here, open_lane(here):
            gate, came = asyncio.Event(), here.sink.reached("RCPT")
            here.sink.fault("RCPT", gate)
            await here.post.commit(await made(here, B))
            await came.wait()
            for _ in range(5):
                await here.post.commit(await made(here, B))
            gate.set()
            here.sink.heal()
            await until(lambda: nothing_waits(here))
            assert len(here.sink.taken) == 6
            assert len({one.connection for one in here.sink.taken}) == 1
            await here.dispatcher.stop(5)
            here.start({})

    asyncio.run(run())


def test_none_waits_behind_a_server_that_does_not_answer(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here, open_lane(here):
            gate, came = asyncio.Event(), here.sink.reached("RCPT")
            here.sink.fault("RCPT", gate, times=2)
            for number in range(1, 4):  # two hang, each behind the other
                await here.post.commit(await made(here, B))
                if number < 3:
                    await came.wait()
                    came.clear()
            await until(lambda: has_taken(here, 1))
            gate.set()
            await until(lambda: nothing_waits(here))
            assert len({one.connection for one in here.sink.taken}) == 3
            await here.dispatcher.stop(5)
            here.start({})

    asyncio.run(run())


def test_enough_messages_do_not_wait_for_the_courier(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "PATIENCE", 3_600)

    async def run() -> None:
        async with station(alone(tmp_path), data) as here, open_lane(here):
            gate, came = asyncio.Event(), here.sink.reached("RCPT")
            here.sink.fault("RCPT", gate, times=1)
            await here.post.commit(await made(here, B))
            await came.wait()
            for _ in range(GATHERED):
                await here.post.commit(await made(here, B))
            await until(lambda: has_taken(here, GATHERED))
            gate.set()
            await until(lambda: nothing_waits(here))
            await here.dispatcher.stop(5)
            here.start({})

    asyncio.run(run())


def test_what_fails_waits_and_the_next_ones_go_by_the_queue(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here, open_lane(here):
            here.sink.fault("GREETING", "421 4.3.2 Closed today")
            await here.post.commit(await made(here, B))
            await until(lambda: in_trouble(here))
            letter = await made(here, B)
            assert here.dispatcher.express.admit(letter) == letter
            await here.dispatcher.stop(5)
            (one,) = await here.waiting()
            assert (one.status, one.attempts) == (WAITING, 1)
            here.start({})
            here.sink.heal()
            await here.until_quiet(hours=2)
            assert len(here.sink.taken) == 1

    asyncio.run(run())


def test_what_a_dead_process_had_in_the_lane_goes_on(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            here.dispatcher.express.open(here.ids.next())
            here.post.express = here.dispatcher.express
            letter = here.dispatcher.express.admit(await made(here, B))
            here.post.express = None  # as if it had died before it could take it
            await here.post.commit(letter)
            (one,) = await here.waiting()
            assert one.status == CLAIMED
            await here.dispatcher.recover()
            await here.dispatcher.drain()
            assert len(here.sink.taken) == 1
            assert await here.waiting() == []

    asyncio.run(run())


def test_an_open_lane_keeps_its_lease(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here, open_lane(here):

            async def ends() -> int:
                ((end,),) = await here.db.read(lambda tx: tx.all("SELECT until FROM lease"))
                return int(end)

            async def is_renewed() -> bool:
                await here.dispatcher._renew()
                return await ends() > before

            before = await ends()
            here.clock.advance(LEASE_MS // 2)
            await until(is_renewed)  # what delivery began with may be written last
            await here.dispatcher.stop(5)
            assert await here.leases() == 0
            here.start({})

    asyncio.run(run())
