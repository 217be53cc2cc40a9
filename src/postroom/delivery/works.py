"""Work that is begun at once: a task is made only of what has to wait.

Most messages are made ready without a wait, and a task each would cost as much as that.
"""

import asyncio
import types
from collections.abc import Coroutine, Generator, Iterable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


async def all_of(works: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """What they give, in their order. Those that wait do so at the same time.

    None may ask for its task (as ``asyncio.timeout`` does) before it first waits. Raises what
    one of them raises; those that are begun go on.
    """
    begun = [_begun(one) for one in works]
    waiting = [one for one in begun if isinstance(one, asyncio.Task)]
    if waiting:
        await asyncio.gather(*waiting)
    return [one.result() if isinstance(one, asyncio.Task) else one for one in begun]


def _begun(work: Coroutine[Any, Any, T]) -> "T | asyncio.Task[T]":
    """Its result when it waits for nothing, else the task of the rest."""
    try:
        waits_for = work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    return asyncio.get_running_loop().create_task(_finish(work, waits_for))


async def _finish(work: Coroutine[Any, Any, T], waits_for: Any) -> T:
    return await _rest(work, waits_for)


@types.coroutine
def _rest(work: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    """From its first wait on: the task waits in its place."""
    while True:
        try:
            told = yield waits_for
        except BaseException as error:  # noqa: BLE001 - it is for the work
            go_on = partial(work.throw, error)
        else:
            go_on = partial(work.send, told)
        try:
            waits_for = go_on()
        except StopIteration as end:
            result: T = end.value
            return result
