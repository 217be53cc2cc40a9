"""Work beside the event loop: what is much goes to a thread, what will be needed is begun."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

LARGE: Final = 2_000  # messages: more of them are worked on in a thread

P = ParamSpec("P")
T = TypeVar("T")


async def run(messages: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a pure function whose work is that of so many messages."""
    if messages > LARGE:
        return await asyncio.to_thread(function, *args, **kwargs)
    return function(*args, **kwargs)


def begin(work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
    """Begin work that is likely to be needed; nobody hears of its failure but who awaits it."""
    task = asyncio.create_task(work)
    task.add_done_callback(_forgive)
    return task


def _forgive(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled():
        task.exception()
