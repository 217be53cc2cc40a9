"""Both event loops: every door is tested on uvloop and on stdlib asyncio, for they differ."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import pytest
import uvloop

from tests.loop import patient

T = TypeVar("T")

LOOPS: Final[dict[str, Callable[[], asyncio.AbstractEventLoop]]] = {
    "asyncio": patient,
    "uvloop": uvloop.new_event_loop,
}
both_loops: Final = pytest.mark.parametrize("loop", list(LOOPS))


def run(loop: str, main: Coroutine[Any, Any, T], *, seconds: float = 120) -> T:
    """Run ``main`` on that loop; no test waits forever."""

    async def within() -> T:
        async with asyncio.timeout(seconds):
            return await main

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        return runner.run(within())
