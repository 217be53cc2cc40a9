"""Delivery as the server holds it: in this process, or in one of its own while much leaves.

One Python process keeps one core busy. So when a hundred messages have left within a second, a
delivery process is started and takes over, on another core (``detached``); when it has had
little to do for half a minute it ends, and delivery is back here. At any time one of the two
claims from the queue; what the other has begun it finishes.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from postroom.config.delivery import Process
from postroom.delivery.detached import Detached, NotStarted
from postroom.delivery.dispatcher import Dispatcher
from postroom.notify import DIRECTORY, Notify
from postroom.post.letter import Letter
from postroom.queue.rows import NOTIFY_KEY
from postroom.telemetry import sink
from postroom.telemetry.events import DeliveryProcessFailed

MUCH: Final = 100  # messages in one ``WINDOW``
WINDOW: Final = 1.0  # seconds
IDLE_SECONDS: Final = 30.0  # in which fewer than ``MUCH`` leave before the process ends
FIRST_PAUSE: Final = 5.0  # seconds after a process that has failed
LONGEST_PAUSE: Final = 600.0

Make = Callable[[Callable[[int], None]], Detached]
"""A process that is yet to be started; what it is given learns how many messages leave."""


class Outlet:
    """One a server. ``run`` it, then ``stop`` it."""

    def __init__(
        self, dispatcher: Dispatcher, notify: Notify, make: Make, rule: Process, drain: float
    ) -> None:
        """``drain``: seconds that a process has for what it has begun, when it ends."""
        self._dispatcher = dispatcher
        self._notify = notify
        self._make = make
        self._rule = rule
        self._drain = drain
        self._process: Detached | None = None
        self._since = 0.0  # when the window began
        self._left = 0  # messages in it
        self._much = asyncio.Event()
        self._returning: set[asyncio.Task[None]] = set()
        dispatcher.leaving = self._leaving

    # Fresh messages: ``post.commit.Express``

    def admit(self, letter: Letter) -> Letter:
        """The letter, claimed when it can go at once; else as it is."""
        process = self._process
        if process is not None and process.lease is not None:
            return process.admit(letter)
        return self._dispatcher.express.admit(letter)

    def take(self, letter: Letter) -> None:
        """A letter that was admitted is durable now."""
        lease, process = letter.outgoing[0].lease, self._process
        if lease == self._dispatcher.express.lease:
            self._dispatcher.express.take(letter)
        elif process is not None and lease == process.lease:
            process.take(letter)
        elif lease is not None:  # its process is gone: since it was admitted
            task = asyncio.get_running_loop().create_task(
                self._dispatcher.give_back(lease, [letter.outgoing[0].queued_id])
            )
            self._returning.add(task)
            task.add_done_callback(self._returning.discard)

    # Life

    async def run(self) -> None:
        """Deliver until cancelled; ``stop`` afterwards."""
        own = asyncio.create_task(self._dispatcher.run())
        try:
            if self._rule == "never":
                await own
            else:
                await self._delegate_for_ever()
        finally:
            own.cancel()
            await asyncio.gather(own, return_exceptions=True)

    async def stop(self, seconds: float) -> None:
        """Give deliveries time to finish, then put back what is left.

        What can't be put back now is found by the next start.
        """
        if self._process is None:
            await self._dispatcher.stop(seconds)
        else:
            await asyncio.gather(self._dispatcher.stop(seconds), self._process.stop(seconds))
        for task in self._returning:
            task.cancel()

    async def _delegate_for_ever(self) -> None:
        pause = FIRST_PAUSE
        while True:
            if self._rule == "auto":
                await self._until_much()
            if await self._delegate():
                pause = FIRST_PAUSE
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _delegate(self) -> bool:
        """From the start of a process to its end; whether all went well.

        When cancelled, a process that has begun goes on until ``stop``: messages are still
        being accepted.
        """
        await self._dispatcher.has_opened.wait()  # what died before has been found
        process = self._make(self._leaving)
        try:
            await process.start()
        except NotStarted as error:
            process.kill()
            await self._end(process, 0, why=str(error))
            return False
        except BaseException:
            process.kill()
            await self._end(process, 0)
            raise
        self._dispatcher.pause()
        self._process = process
        unsubscribe = [
            self._notify.subscribe(key, lambda key=key: process.hint(key))  # type: ignore[misc]
            for key in (NOTIFY_KEY, DIRECTORY)
        ]
        try:
            await self._until_little(process)
        finally:
            for one in unsubscribe:
                one()
        self._process = None
        self._dispatcher.resume()
        return await self._end(process, self._drain, why="it ended by itself")

    async def _end(self, process: Detached, seconds: float, why: str = "") -> bool:
        """Let it end; when it has not ended well, what it had is ours."""
        has_died = process.ended.is_set()
        is_well = await process.stop(seconds) and not has_died
        if not is_well:
            if why:
                sink.emit(DeliveryProcessFailed(reason=why))
            await process.written()  # else it would be given back, and sent again
            node = process.node
            if node is not None:
                await self._dispatcher.inherit(node, process.crashed)
        return is_well

    # How much leaves

    def _leaving(self, messages: int) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._since > WINDOW:
            self._since, self._left = now, 0
        self._left += messages
        if self._left >= MUCH:
            self._much.set()

    async def _until_much(self) -> None:
        self._much.clear()
        await self._much.wait()

    async def _until_little(self, process: Detached) -> None:
        """Until the process has little to do, or has died."""
        while not process.ended.is_set():
            self._much.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(IDLE_SECONDS):
                    await process.ended.wait()
            if self._rule == "auto" and not self._much.is_set():
                return
