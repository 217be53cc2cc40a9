"""Work that grows with a mailbox: at once when it is little, off the event loop when it is much."""

import asyncio
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

LARGE: Final = 2_000  # messages: more of them are worked on in a thread

P = ParamSpec("P")
T = TypeVar("T")


async def run(messages: int, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a pure function whose work is that of so many messages."""
    if messages > LARGE:
        return await asyncio.to_thread(function, *args, **kwargs)
    return function(*args, **kwargs)
