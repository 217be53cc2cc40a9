"""Ends of messages, written by the server on behalf of its delivery process.

The server commits all the time for those who bring mail; what is written with that costs
neither a commit nor a turn of the disk, and nobody waits for the lock of another process.
"""

import asyncio
from collections.abc import Callable, Sequence

from postroom.delivery.finisher import Finished
from postroom.delivery.handover import Concluded, Noted, Said


class NotWritten(Exception):
    """The server could not write one of them; the text is its reason."""


class Distant:
    """One a delivery process; used on one loop."""

    def __init__(self, say: Callable[[Said], None]) -> None:
        """``say`` tells the server."""
        self._say = say
        self._number = 0
        self._waiting: dict[int, asyncio.Future[None]] = {}

    async def finish(self, results: Sequence[Finished]) -> None:
        """``finisher.Finish``."""
        self._number += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[self._number] = future
        self._say(Concluded(self._number, tuple(results)))
        await future

    def noted(self, said: Noted) -> None:
        """The server has written some of them."""
        future = self._waiting.pop(said.number, None)
        if future is None or future.done():
            return
        if said.fault:
            future.set_exception(NotWritten(said.fault))
        else:
            future.set_result(None)
