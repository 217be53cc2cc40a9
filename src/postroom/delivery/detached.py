"""A delivery process, as the server that has started it sees it.

It does all delivery on another core while it is there: it claims from the queue as any server
on the same database does (``python -m postroom.carrier``), and fresh messages are handed to it
over a socket, claimed under its lease in the commit that made them ours. When it dies nothing
is lost: what it had claimed is found by the node of its ids (``queue.claims.inherit``). It dies
with the server.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, cast

import msgspec

from postroom.config.model import Config
from postroom.delivery import workbench
from postroom.delivery.express import MOST, MOST_OCTETS, claimed_for, goes_at_once
from postroom.delivery.finisher import Finish
from postroom.delivery.handover import (
    Beat,
    Begin,
    Concluded,
    End,
    Frames,
    Hint,
    Noted,
    Opened,
    Passed,
    Said,
    Through,
    Trouble,
    encode,
)
from postroom.delivery.troubles import Troubles
from postroom.post.letter import Letter
from postroom.telemetry import sink

START_SECONDS: Final = 60.0
SILENCE_SECONDS: Final = 60.0  # without a beat it hangs, and is ended
END_SECONDS: Final = 10.0  # more than it was given

_OURS: Final = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_FDS", "LISTEN_PID")


class NotStarted(Exception):
    """There is no such process; its text says why."""


class Detached(asyncio.Protocol):
    """One process, from its start to its end. Used on one loop."""

    def __init__(
        self,
        config: Config,
        troubles: Troubles,
        clock: Callable[[], int],
        *,
        left: Callable[[int], None],
        finish: Finish,
    ) -> None:
        """``left`` learns how many messages it has sent off; ``finish`` writes their ends."""
        self._config = config
        self._troubles = troubles
        self._clock = clock
        self._left = left
        self._finish = finish
        self._writing: set[asyncio.Task[None]] = set()
        self._frames = Frames()
        self._process: asyncio.subprocess.Process | None = None
        self._transport: asyncio.WriteTransport | None = None
        self._opened: asyncio.Future[Opened] = asyncio.get_running_loop().create_future()
        self._silence: asyncio.TimerHandle | None = None
        self._gathering: list[bytes] = []
        self._is_garbled = False
        self._count = 0
        self._octets = 0
        self.lease: int | None = None
        self.node: int | None = None
        self.ended = asyncio.Event()

    async def start(self) -> None:
        """Until it takes messages. Raises NotStarted; ``stop`` it also then."""
        ours, theirs = socket.socketpair()
        try:
            environment = {name: one for name, one in os.environ.items() if name not in _OURS}
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "postroom.carrier", str(theirs.fileno()), str(os.getpid()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise NotStarted(str(error)) from error
        finally:
            theirs.close()
        ours.setblocking(False)
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=ours)
        self._say(Begin(self._config))
        try:
            async with asyncio.timeout(START_SECONDS):
                opened = await self._opened
        except TimeoutError:
            raise NotStarted(f"it did not begin in {START_SECONDS:g} seconds") from None
        self.lease, self.node = opened.lease, opened.node

    async def stop(self, seconds: float) -> bool:
        """Let it finish for so long; whether it has ended in order."""
        self.lease = None
        self._stop_waiting()
        if self._process is None:
            return True
        if not self.ended.is_set():
            self._flush()
            self._say(End(seconds))
        try:
            is_well = await self._has_ended_well(self._process, seconds + END_SECONDS)
            await self._heard_out()
            return is_well
        except BaseException:
            self.kill()
            raise
        finally:
            if self._transport is not None:
                self._transport.close()

    async def _has_ended_well(self, process: asyncio.subprocess.Process, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await process.wait() == 0
        except TimeoutError:
            self.kill()
            await process.wait()
            return False

    async def _heard_out(self) -> None:
        """What it has said before its end is written, unless that takes too long."""
        if self._transport is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await self.ended.wait()
                await self.written()

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def pid(self) -> int:
        """Its number; 0 before it was started."""
        return self._process.pid if self._process is not None else 0

    @property
    def crashed(self) -> tuple[int, ...]:
        """The messages it was busy with when it died; told once."""
        return workbench.left_behind(bench_of(self._config))

    # Messages

    def admit(self, letter: Letter) -> Letter:
        """The letter, claimed for the process when it can go at once; else as it is."""
        if (
            self.lease is None
            or self._count >= MOST
            or self._octets >= MOST_OCTETS
            or not goes_at_once(letter, self._troubles, self._clock())
        ):
            return letter
        return claimed_for(letter, self.lease)

    def take(self, letter: Letter) -> None:
        """A letter that was admitted is durable now. All of one moment go in one write."""
        queued, content = letter.queued, letter.content
        if queued is None or content is None:
            return
        passed = Passed(queued, letter.outgoing, letter.blob.digest, *content)
        self._count += 1
        self._octets += passed.octets
        if not self._gathering:
            asyncio.get_running_loop().call_soon(self._flush)
        self._gathering.append(encode(passed))

    def hint(self, key: int) -> None:
        """Something has changed."""
        self._say(Hint((key,)))

    # What comes from it

    async def written(self) -> None:
        """Until all is durable that it has concluded."""
        while self._writing:
            await asyncio.wait(self._writing)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop has its own class

    def data_received(self, data: bytes) -> None:
        if self._is_garbled:
            return
        try:
            for said in self._frames.feed(data):
                self.hear(said)
        except msgspec.DecodeError:  # cut short: it is dying, or not what it should be
            self._is_garbled = True  # where a frame begins can't be told any more
            self._stop_waiting()
            self.kill()

    def connection_lost(self, _: Exception | None) -> None:
        self.lease = None
        self._stop_waiting()
        self.ended.set()
        if not self._opened.done():
            self._opened.set_exception(NotStarted("it ended before it had begun"))
            self._opened.exception()  # seen: perhaps nobody waits any more

    def hear(self, said: Said) -> None:
        """Something it says."""
        match said:
            case Opened():
                self._beaten()
                if not self._opened.done():
                    self._opened.set_result(said)
            case Concluded():
                task = asyncio.get_running_loop().create_task(self._write_down(said))
                self._writing.add(task)
                task.add_done_callback(self._writing.discard)
            case Through():
                self._count -= said.messages
                self._octets -= said.octets
            case Trouble():
                if said.until:
                    self._troubles.note(said.destination, said.until)
                else:
                    self._troubles.forget(said.destination)
            case Beat():
                self._beaten()
                self._left(said.left)
                emitter = sink.installed()
                if isinstance(emitter, sink.Sink):
                    emitter.count(said.counts)
            case _:
                pass

    async def _write_down(self, said: Concluded) -> None:
        fault = ""
        try:
            await self._finish(said.results)
        except Exception as error:  # noqa: BLE001 - it belongs to who waits there
            fault = repr(error)
        self._say(Noted(said.number, fault))

    def _beaten(self) -> None:
        """A heartbeat came: the process is killed only if no other follows in time."""
        self._stop_waiting()
        loop = asyncio.get_running_loop()
        self._silence = loop.call_later(SILENCE_SECONDS, self.kill)

    def _stop_waiting(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _flush(self) -> None:
        octets, self._gathering = b"".join(self._gathering), []
        self._write(octets)

    def _say(self, said: Said) -> None:
        self._write(encode(said))

    def _write(self, octets: bytes) -> None:
        if octets and self._transport is not None and not self.ended.is_set():
            self._transport.write(octets)


def bench_of(config: Config) -> Path:
    """Where its workbench is."""
    return config.folder / "workbench.carrier"
