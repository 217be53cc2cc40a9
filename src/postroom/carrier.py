"""The delivery process: ``python -m postroom.carrier``, started by a server while much leaves.

It works on the database of its server as a node of its own, and is told of fresh messages over
a socket (``delivery.handover``). It ends when it is told to, and it dies with its server: then
the next server finds what it had claimed, as it does after a crash of its own.
"""

import asyncio
import ctypes
import os
import signal
import socket
import sys
from collections.abc import Collection, Iterable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import Final, cast

from postroom import process
from postroom.access.warning import Warner
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.model import Config
from postroom.db.node import CARRIER_NOTE, leased
from postroom.delivery.dispatcher import Dispatcher
from postroom.delivery.distant import Distant
from postroom.delivery.express import Small, loaded
from postroom.delivery.handover import (
    Beat,
    Begin,
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
from postroom.delivery.outbound import Shared, carried
from postroom.intake.waiting import waiting
from postroom.net.dns import Resolver
from postroom.notify import DIRECTORY, Notify
from postroom.post.commit import Post
from postroom.post.journal import addressed
from postroom.telemetry import sink
from postroom.telemetry.log import written

NODE: Final = 1  # of its ids, where servers don't share the numbers out
BEAT_SECONDS: Final = 1.0

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
_READ: Final = 65_536


class Line(asyncio.Protocol):
    """The socket to the server. What comes before ``open`` waits."""

    def __init__(self, frames: Frames, early: Sequence[Said]) -> None:
        self._frames = frames
        self._early = early
        self._carrier: Carrier | None = None
        self._transport: asyncio.WriteTransport | None = None

    def open(self, carrier: "Carrier") -> None:
        """From here on somebody listens."""
        self._carrier = carrier
        early, self._early = self._early, ()
        for said in early:
            carrier.hear(said)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)  # uvloop has its own class

    def data_received(self, data: bytes) -> None:
        heard = list(self._frames.feed(data))
        if self._carrier is None:
            self._early = [*self._early, *heard]
            return
        for said in heard:
            self._carrier.hear(said)

    def connection_lost(self, _: Exception | None) -> None:
        """The server has died: nothing may go on here that the next one will do again."""
        os._exit(1)

    def say(self, said: Said) -> None:
        """Tell the server."""
        if self._transport is not None:
            self._transport.write(encode(said))


class Forwarding(Notify):
    """What changes by what is done here is told to the server, whose sessions wait for it."""

    def publish(self, keys: Iterable[int]) -> None:
        some = tuple(keys)
        super().publish(some)
        self.hint(some)

    def heard(self, keys: Iterable[int]) -> None:
        """The server tells of a change."""
        super().publish(keys)


class Carrier:
    """Takes messages, and the order to end."""

    def __init__(
        self, office: Office, dispatcher: Dispatcher, distant: Distant, line: Line
    ) -> None:
        self._office = office
        self._dispatcher = dispatcher
        self._distant = distant
        self._line = line
        self._left = 0
        self._messages = 0
        self._octets = 0
        self._counted: dict[str, int] = {}
        self._end: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        dispatcher.leaving = self._leaving
        dispatcher.express.through = self._through

    async def run(self) -> None:
        """Deliver until told to end."""
        running = asyncio.create_task(self._dispatcher.run())
        beating = asyncio.create_task(self._beat())
        try:
            await self._dispatcher.has_opened.wait()
            lease = self._dispatcher.express.lease
            if lease is not None:
                self._line.say(Opened(lease, self._office.ids.node))
            self._line.open(self)
            seconds = await self._end
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await self._dispatcher.stop(seconds)
        beating.cancel()
        self._tell()

    def hear(self, said: Said) -> None:
        """Something the server says."""
        match said:
            case Passed():
                blob = Small(said.queued.blob_id, said.digest, said.head, said.body)
                self._dispatcher.express.go(loaded(said.queued, said.outgoing, blob))
            case Noted():
                self._distant.noted(said)
            case Hint():
                if isinstance(self._office.notify, Forwarding):
                    self._office.notify.heard(said.keys)
            case End():
                if not self._end.done():
                    self._end.set_result(said.seconds)
            case _:
                pass

    def _leaving(self, messages: int) -> None:
        self._left += messages

    def _through(self, messages: int, octets: int) -> None:
        """All of one moment are told at once."""
        if not self._messages:
            asyncio.get_running_loop().call_soon(self._tell_through)
        self._messages += messages
        self._octets += octets

    def _tell_through(self) -> None:
        self._line.say(Through(self._messages, self._octets))
        self._messages = self._octets = 0

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self._tell()

    def _tell(self) -> None:
        emitter = sink.installed()
        counts = dict(emitter.counts) if isinstance(emitter, sink.Sink) else {}
        fresh = {name: count - self._counted.get(name, 0) for name, count in counts.items()}
        self._counted = counts
        left, self._left = self._left, 0
        self._line.say(Beat(left, {name: count for name, count in fresh.items() if count}))


async def carry(config: Config, line: Line) -> None:
    """The whole life of the process."""
    async with AsyncExitStack() as closing:
        log = closing.enter_context(written(config))
        notify = Forwarding(config.folder)
        office = await closing.enter_async_context(open_office(config, node=NODE, notify=notify))
        log.open()
        if office.db.engine == "postgres":
            await closing.enter_async_context(
                leased(office.db, office.ids, config.folder / CARRIER_NOTE)
            )
        resolver = Resolver(config.dns.servers)
        closing.push_async_callback(resolver.close)
        warner = Warner(office.store, office.directory.address_of, config.hostname)
        closing.push_async_callback(warner.close)
        shared = _shared(office, resolver, warner)
        distant = Distant(line.say)
        dispatcher = carried(config, shared, partial(_trouble, line), distant.finish)
        notify.subscribe(DIRECTORY, office.directory.hint)
        await Carrier(office, dispatcher, distant, line).run()


def _trouble(line: Line, destination: str, until: int) -> None:
    line.say(Trouble(destination, until))


def _post(office: Office, warner: Warner) -> Post:
    def warned(due: Collection[tuple[int, int]]) -> None:
        warner.send(post, due)

    post = Post(office.db, office.blobs, office.notify, office.clock, warned=warned)
    return post


def _shared(office: Office, resolver: Resolver, warner: Warner) -> Shared:
    post = _post(office, warner)
    return Shared(
        db=office.db,
        blobs=office.blobs,
        directory=office.directory,
        post=post,
        ids=office.ids,
        notify=office.notify,
        resolver=resolver,
        addressed=partial(addressed, office, office.directory),
        clock=office.clock,
        desk=waiting(office.config, office, post, resolver),
    )


async def _connected(
    config: Config, frames: Frames, early: Sequence[Said], own: socket.socket
) -> None:
    line = Line(frames, early)
    own.setblocking(False)
    await asyncio.get_running_loop().create_unix_connection(lambda: line, sock=own)
    await carry(config, line)


def _begin(own: socket.socket) -> tuple[Begin, Frames, list[Said]]:
    """The settings, and what came behind them."""
    frames = Frames()
    heard: list[Said] = []
    while not heard:
        octets = own.recv(_READ)
        if not octets:
            sys.exit(1)
        heard = list(frames.feed(octets))
    begin = heard[0]
    if not isinstance(begin, Begin):
        sys.exit(1)
    return begin, frames, heard[1:]


def _die_with(server: int) -> None:
    """SIGKILL when the server dies, where the kernel can do that; see ``connection_lost`` too."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        sys.exit(1)


def main(arguments: Sequence[str]) -> None:
    """``arguments``: the number of the socket, and of the process that is our server."""
    own, server = socket.socket(fileno=int(arguments[0])), int(arguments[1])
    _die_with(server)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the server tells us
        signal.signal(number, signal.SIG_IGN)
    process.prepare()
    begin, frames, early = _begin(own)
    with asyncio.Runner(loop_factory=process.loop_factory()) as runner:
        runner.run(_connected(begin.config, frames, early, own))
    os._exit(0)  # what is left are threads that wait for nothing


if __name__ == "__main__":
    main(sys.argv[1:])
