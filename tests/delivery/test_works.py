import asyncio
import functools
from collections.abc import Callable, Coroutine

import pytest

from postroom.delivery.works import all_of


def on_a_loop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**arguments: object) -> None:
        asyncio.run(test(**arguments))

    return run


async def plain(value: int) -> int:
    return value


async def waiting(gate: asyncio.Event, value: int, order: list[int]) -> int:
    await gate.wait()
    order.append(value)
    await asyncio.sleep(0)
    return value


async def opening(gate: asyncio.Event, value: int) -> int:
    gate.set()
    return value


@on_a_loop
async def test_results_come_in_the_order_of_the_works() -> None:
    gate, order = asyncio.Event(), list[int]()
    works = [waiting(gate, 1, order), plain(2), waiting(gate, 3, order), opening(gate, 4)]
    assert await all_of(works) == [1, 2, 3, 4]
    assert order == [1, 3]


@on_a_loop
async def test_what_waits_for_nothing_makes_no_task() -> None:
    async def tasks() -> int:
        return len(asyncio.all_tasks())

    before = len(asyncio.all_tasks())
    assert await all_of(tasks() for _ in range(5)) == [before] * 5


@on_a_loop
async def test_nothing_gives_nothing() -> None:
    assert await all_of([]) == []


@pytest.mark.parametrize("waits", [False, True])
@on_a_loop
async def test_an_error_is_raised_and_what_is_begun_goes_on(waits: bool) -> None:
    gate, order = asyncio.Event(), list[int]()

    async def broken() -> int:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        await all_of([waiting(gate, 1, order), broken()])
    gate.set()
    await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
    assert order == [1]


@on_a_loop
async def test_an_error_of_what_it_waits_for_reaches_the_work() -> None:
    future: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def careful() -> int:
        try:
            return await future
        except ValueError:
            return await asyncio.sleep(0, 7)

    asyncio.get_running_loop().call_soon(future.set_exception, ValueError())
    assert await all_of([careful()]) == [7]


@on_a_loop
async def test_who_is_cancelled_cancels_what_waits() -> None:
    ended: list[str] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("here")

    task = asyncio.create_task(all_of([endless()]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["here"]
