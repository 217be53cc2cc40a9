"""Where work is done."""

import asyncio
import threading

from postroom.access.offload import LARGE, run


def test_much_work_is_done_in_a_thread() -> None:
    async def main() -> None:
        here = threading.get_ident()
        assert await run(LARGE, threading.get_ident) == here
        assert await run(LARGE + 1, threading.get_ident) != here
        assert await run(LARGE + 1, divmod, 7, 2) == (3, 1)

    asyncio.run(main())
