"""Where work is done."""

import asyncio
import gc
import threading

import pytest

from postroom.access.offload import LARGE, begin, run


def test_much_work_is_done_in_a_thread() -> None:
    async def main() -> None:
        here = threading.get_ident()
        assert await run(LARGE, threading.get_ident) == here
        assert await run(LARGE + 1, threading.get_ident) != here
        assert await run(LARGE + 1, divmod, 7, 2) == (3, 1)

    asyncio.run(main())


def test_what_was_begun_fails_for_who_awaits_it_only() -> None:
    async def fails() -> None:
        raise LookupError("no")

    async def main() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _loop, about: told.append(about))
        with pytest.raises(LookupError):
            await begin(fails())
        begin(fails())
        begin(asyncio.sleep(60)).cancel()
        for _ in range(3):
            await asyncio.sleep(0)
        gc.collect()
        assert told == []

    asyncio.run(main())
