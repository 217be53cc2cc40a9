"""Connections that are kept, to real servers that close them or speak out of turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from postroom.delivery import pool as pools
from postroom.delivery.peer import Demand, Peer
from postroom.delivery.pool import Pool
from rig.smtp import SmtpServer
from tests.delivery.sinks import Outcomes, connected, parcel
from tests.listen.loops import both_loops, run

LONG = 3_600.0


@contextlib.asynccontextmanager
async def pooling(seconds: float = LONG) -> AsyncIterator[tuple[SmtpServer, Pool]]:
    async with SmtpServer() as sink:
        pool = Pool(idle_seconds=seconds)
        try:
            yield sink, pool
        finally:
            await pool.close()


async def opened(sink: SmtpServer, messages: int = 0) -> Peer:
    """A connection that is ready, and has had some messages."""
    peer = await connected(sink)
    await peer.open(Demand("none"))
    assert await peer.send([parcel(number) for number in range(messages)], Outcomes()) == []
    return peer


async def gone(peer: Peer) -> None:
    """Until we know that the connection is closed."""
    await peer.ended(5)


def quits(sink: SmtpServer) -> int:
    return sink.lines.count("QUIT")


@both_loops
def test_what_was_put_back_is_given_out_once(loop: str) -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            assert pool.take("a") is None
            peer = await opened(sink)
            pool.put("a", peer, 10)
            assert len(pool) == 1
            assert pool.take("b") is None
            assert pool.take("a") is peer
            assert (len(pool), pool.take("a")) == (0, None)
            assert await peer.send([parcel()], Outcomes()) == []
            pool.put("a", peer, 10)

    run(loop, main())


def test_the_last_comes_first() -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            first, second = await opened(sink), await opened(sink)
            pool.put("a", first, 10)
            pool.put("a", second, 10)
            assert [pool.take("a"), pool.take("a"), pool.take("a")] == [second, first, None]
            pool.put("a", first, 10)
            pool.put("a", second, 10)

    run("asyncio", main())


@both_loops
def test_a_connection_that_the_server_has_closed_is_not_given_out(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            pool = Pool(idle_seconds=LONG)
            dead = await opened(sink)
            pool.put("a", dead, 10)
        async with sink:
            await gone(dead)
            fresh = await opened(sink)
            pool.put("a", fresh, 10)
            assert pool.take("a") is fresh
            assert pool.take("a") is None
            assert len(pool) == 0
            pool.put("a", fresh, 10)
            await pool.close()

    run(loop, main())


@both_loops
@pytest.mark.parametrize("said", [b"421 4.4.2 Too long idle\r\n", b"250 2.0.0 Taken\r\n", b"25"])
def test_a_server_that_speaks_unasked_is_not_trusted_again(loop: str, said: bytes) -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            peer = await opened(sink)
            pool.put("a", peer, 10)
            peer.data_received(said)  # it would be taken for the answer to MAIL
            assert pool.take("a") is None
            await gone(peer)
            assert quits(sink) == 0

    run(loop, main())


@both_loops
def test_a_connection_that_had_its_share_ends_in_peace(loop: str) -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            pool.put("a", await opened(sink, messages=3), 4)
            peer = pool.take("a")
            assert peer is not None
            assert await peer.send([parcel()], Outcomes()) == []
            pool.put("a", peer, 4)
            assert len(pool) == 0
            await gone(peer)
            assert quits(sink) == 1

    run(loop, main())


def test_without_idle_seconds_nothing_is_kept() -> None:
    async def main() -> None:
        async with pooling(0) as (sink, pool):
            peer = await opened(sink)
            pool.put("a", peer, 10)
            assert pool.take("a") is None
            await gone(peer)
            assert quits(sink) == 1

    run("asyncio", main())


@both_loops
def test_one_that_is_busy_or_broken_is_cut(loop: str) -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            sink.fault("MAIL", asyncio.Event())
            peer = await opened(sink)
            sending = asyncio.create_task(peer.send([parcel()], Outcomes()))
            await sink.reached("MAIL").wait()
            pool.put("a", peer, 10)  # as after a cancelled delivery
            assert pool.take("a") is None
            assert await sending == []
            sink.heal()
            await gone(peer)
            assert quits(sink) == 0

    run(loop, main())


@both_loops
def test_after_a_while_it_ends_by_itself(loop: str) -> None:
    async def main() -> None:
        async with pooling(0.01) as (sink, pool):
            peers = [await opened(sink) for _ in range(3)]
            for key, peer in zip(("a", "a", "b"), peers, strict=True):
                pool.put(key, peer, 10)
            for peer in peers:
                await gone(peer)
            assert quits(sink) == 3
            assert (len(pool), pool.take("a")) == (0, None)
            assert not pool._idle

    run(loop, main())


def test_one_in_use_does_not_expire() -> None:
    async def main() -> None:
        async with pooling(0.01) as (sink, pool):
            other = await opened(sink)
            peer = await opened(sink)
            pool.put("a", peer, 10)
            assert pool.take("a") is peer
            pool.put("b", other, 10)
            await gone(other)
            assert len(pool) == 0
            assert peer.is_usable
            await peer.quit()

    run("asyncio", main())


def test_no_more_than_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "MOST_IDLE", 2)

    async def main() -> None:
        async with pooling() as (sink, pool):
            for key in ("a", "b", "c"):
                pool.put(key, await opened(sink), 10)
            assert len(pool) == 2
            assert pool.take("c") is None
            found = pool.take("a")
            assert found is not None
            pool.put("c", found, 10)
            assert pool.take("c") is found
            pool.put("c", found, 10)

    run("asyncio", main())


@both_loops
def test_those_of_a_group_make_room(loop: str) -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            peers = [await opened(sink) for _ in range(4)]
            for key, peer in zip(("a", "b", "b"), peers, strict=False):
                pool.put(key, peer, 10, "google")
            pool.put("c", peers[3], 10)
            await pool.make_room("google", 3)
            assert (len(pool), quits(sink)) == (4, 0)
            await pool.make_room("google", 1)
            assert (len(pool), quits(sink)) == (2, 2)
            assert [one.is_lost for one in peers] == [True, True, False, False]
            await pool.make_room("google", 0)
            assert pool.take("b") is None
            assert pool.take("c") is peers[3]
            pool.put("c", peers[3], 10)

    run(loop, main())


def test_room_is_made_when_those_that_end_have_ended() -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            peer = await opened(sink, messages=1)
            pool.put("a", peer, 1, "google")  # it has had its share
            assert quits(sink) == 0
            await pool.make_room("google", 5)
            assert quits(sink) == 1
            assert peer.is_lost

    run("asyncio", main())


def test_domains_of_the_past_are_forgotten() -> None:
    async def main() -> None:
        async with pooling() as (sink, pool):
            peer = await opened(sink)
            for number in range(100):
                pool.put(f"mx:d{number}.test", peer, 10)
                assert pool.take(f"mx:d{number}.test") is peer
            assert not pool._idle
            await peer.quit()

    run("asyncio", main())


@both_loops
def test_at_the_end_all_end_in_peace_and_none_comes_back(loop: str) -> None:
    async def main() -> None:
        async with SmtpServer() as sink:
            pool = Pool(idle_seconds=LONG)
            late = await opened(sink)
            for key in ("a", "a", "b"):
                pool.put(key, await opened(sink), 10)
            await pool.close()
            assert quits(sink) == 3
            pool.put("a", late, 10)
            assert pool.take("a") is None
            await pool.close()
            assert quits(sink) == 4

    run(loop, main())
