"""Threads with a resource each."""

import asyncio
import threading

import pytest

from postroom.db.workers import Outcome, Workers, settle


class Tool:
    """A resource that knows its thread."""

    def __init__(self, made: list["Tool"]) -> None:
        self.thread = threading.get_ident()
        self.dropped = False
        made.append(self)

    def drop(self) -> None:
        self.dropped = True


def test_each_thread_makes_its_resource_once_and_drops_it() -> None:
    made: list[Tool] = []

    async def go() -> None:
        workers = Workers("test", 3, lambda: Tool(made), Tool.drop)
        assert made == []
        found = await asyncio.gather(*[workers.run(lambda tool: tool.thread) for _ in range(50)])
        assert set(found) == {tool.thread for tool in made}
        await workers.close()
        await workers.close()

    asyncio.run(go())
    assert 1 <= len(made) <= 3
    assert all(tool.dropped for tool in made)


def test_errors_belong_to_the_caller_and_the_thread_lives_on() -> None:
    made: list[Tool] = []

    def fail(_tool: Tool) -> None:
        raise KeyboardInterrupt

    def miss(_tool: Tool) -> None:
        raise KeyError

    def stop(_tool: Tool) -> None:
        raise StopIteration

    async def go() -> None:
        workers = Workers("test", 1, lambda: Tool(made), Tool.drop)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await workers.run(stop)
        with pytest.raises(KeyError):
            await workers.run(miss)
        future = workers.run(fail)
        await asyncio.wait([future])
        assert isinstance(future.exception(), KeyboardInterrupt)
        assert await workers.run(lambda _tool: 7) == 7
        await workers.close()

    asyncio.run(go())
    assert len(made) == 1


def test_a_spoilt_resource_is_made_anew() -> None:
    made: list[Tool] = []

    def spoil(_tool: Tool) -> None:
        raise OSError

    async def go() -> None:
        workers = Workers(
            "test", 1, lambda: Tool(made), Tool.drop, spoils=lambda e: isinstance(e, OSError)
        )
        with pytest.raises(OSError):
            await workers.run(spoil)
        assert await workers.run(lambda tool: tool.dropped) is False
        await workers.close()

    asyncio.run(go())
    assert len(made) == 2
    assert all(tool.dropped for tool in made)


def test_a_resource_that_can_not_be_made_is_tried_again() -> None:
    tries: list[int] = []

    def make() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise OSError
        return 5

    async def go() -> None:
        workers = Workers("test", 1, make, lambda _five: None)
        with pytest.raises(OSError):
            await workers.run(lambda five: five)
        assert await workers.run(lambda five: five) == 5
        await workers.close()

    asyncio.run(go())


def test_cancelled_jobs_do_not_run_and_closing_ends_taking() -> None:
    ran: list[int] = []
    gate = threading.Event()

    async def go() -> None:
        workers = Workers("test", 1, lambda: None, lambda _none: None)
        first = workers.run(lambda _none: gate.wait(60))
        second = workers.run(lambda _none: ran.append(2))
        third = workers.run(lambda _none: ran.append(3))
        second.cancel()
        gate.set()
        await first
        await third
        await workers.close()
        with pytest.raises(RuntimeError, match="closed"):
            workers.run(lambda _none: None)

    asyncio.run(go())
    assert ran == [3]


def test_settling_on_a_closed_loop_is_harmless() -> None:
    loop = asyncio.new_event_loop()
    future: asyncio.Future[int] = loop.create_future()
    loop.close()
    settle(loop, [Outcome(future, 1, None)])
    assert not future.done()
