"""The composition root: settings in, objects wired by hand, doors up, drain at the end.

The one module that knows everybody. Order of a start: data folder and database, the lock
of the one server, the log, mail doors. The web, whose import is slow and large, opens when
somebody first connects to one of its ports. Order of an end: no new connections, open sessions finish what they have begun, then the database
closes; what was answered with 250 is on stable storage at every moment in between.
"""

import asyncio
import contextlib
import importlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Final

from postroom import VERSION, process
from postroom.admin import setup
from postroom.admin.backup import schedule
from postroom.admin.housekeeping import Housekeeping
from postroom.admin.jobs.runner import Runner
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.admin.watch import rounds as watching
from postroom.admin.webhook_calls import Caller
from postroom.config.model import Config, Listen, standard_listeners
from postroom.db.locks import ServeLock
from postroom.db.node import NOTE, leased
from postroom.directory import version
from postroom.house import House
from postroom.listen.knock import knock
from postroom.listen.listener import Listener, always
from postroom.net import sockets
from postroom.net.systemd import Notifier, inherited_sockets
from postroom.notify import DIRECTORY
from postroom.queue import inheritance
from postroom.store.watch import Watch
from postroom.supervisor import Supervisor
from postroom.telemetry import sink
from postroom.telemetry.events import ListenerOpened, LoopLagged, ServerStarted, ServerStopping
from postroom.telemetry.log import written

if TYPE_CHECKING:
    from postroom.web.claim import Claim
    from postroom.web.server import HttpDoor

LAG_SECONDS: Final = 0.5  # between two measurements of the loop
LAG_ALARM: Final = 0.1  # seconds of delay worth a line in the log
NODE: Final = 0  # of the ids, until one is leased; commands take others

_WEB: Final = frozenset({"http", "https"})

Bound = tuple[Listen, Sequence[socket.socket]]

Ready = Callable[["App", Office], Awaitable[None]]
Say = Callable[[str], None]


async def _nothing(_app: "App", _office: Office) -> None:
    """Nobody waits for the doors."""


def _ignored() -> None:
    """A signal that comes too late to matter."""


class App:
    """One running server. ``run`` is its whole life."""

    def __init__(
        self, config: Config, environment: Mapping[str, str], *, say: Say | None = None
    ) -> None:
        """``environment`` may hold what systemd hands over.

        ``say`` shows a text on the console: who reads it may set up a server without an account.
        None: nobody may.
        """
        self.config = config
        self._say = say
        self.ports: dict[str, int] = {}
        self._environment = environment
        self._stop = asyncio.Event()
        self._trimmer = process.Trimmer()

    def stop(self) -> None:
        """Begin an orderly end."""
        self._stop.set()

    async def run(self, ready: Ready = _nothing) -> None:
        """Serve until ``stop``, SIGTERM or SIGINT; ``ready`` is awaited once all doors answer.

        Raises Refused when it can't start. Ports are bound first: opening the data folder
        gives up root when the folder belongs to somebody else.
        """
        self._trimmer.begin()
        async with contextlib.AsyncExitStack() as closing:
            bound = self._bind_all(closing)
            log = closing.enter_context(written(self.config))
            office = await closing.enter_async_context(open_office(self.config, node=NODE))
            log.open()
            closing.enter_context(ServeLock(self.config.folder))
            if office.db.engine == "postgres":
                folder = self.config.folder
                await inheritance.give_back(office.db, folder, office.clock)
                await closing.enter_async_context(leased(office.db, office.ids, folder / NOTE))
            house = House(self.config, office)
            office.notify.subscribe(DIRECTORY, office.directory.hint)
            office.notify.subscribe(DIRECTORY, house.keeper.hint)
            office.notify.subscribe(DIRECTORY, house.revocation.hint)
            office.notify.listen()
            try:
                await self._serve(house, bound, ready)
            finally:
                await house.close_doors()

    async def _serve(self, house: House, bound: Sequence[Bound], ready: Ready) -> None:
        notifier = Notifier(self._environment)
        await house.keeper.load()
        for listen, opened in bound:
            await self._open_mail_door(house, listen, opened)
        house.deliver()
        sink.emit(
            ServerStarted(
                version=VERSION,
                hostname=self.config.hostname,
                data=self.config.data,
                database=house.office.db.engine,
            )
        )
        jobs = Supervisor()
        self._begin(jobs, house, notifier)
        web: list[HttpDoor] = []
        try:
            with self._signals(house):
                await self._begin_web(house, bound, jobs, web)
                notifier.send("READY=1")
                await ready(self, house.office)
                await self._stop.wait()
            sink.emit(ServerStopping(reason="asked to"))
            notifier.send("STOPPING=1")
        finally:
            await jobs.end()
            for door in web:
                await door.stop()

    def _begin(self, jobs: Supervisor, house: House, notifier: Notifier) -> None:
        """What the server does besides answering."""
        office, resolver = house.office, house.resolver
        jobs.begin("housekeeping", Housekeeping(office, resolver, trimmer=self._trimmer).run)
        jobs.begin("watchdog", partial(_watch_loop, notifier))
        jobs.begin("backups", partial(schedule.run, office))
        jobs.begin("fetching", house.fetch)
        jobs.begin("jobs of people", Runner(office).run)
        jobs.begin("search index", house.index)
        jobs.begin("certificates", house.renewal.run)
        jobs.begin("learning", house.learn)
        jobs.begin("bans", house.keeper.run)
        jobs.begin("webhooks", Caller(office, resolver).run)
        jobs.begin("revocation", house.revocation.run)
        jobs.begin("watch", partial(watching.run, office, house.post, resolver))
        if self.config.reports.send:
            jobs.begin("reports", house.report)
        if office.db.engine == "postgres":  # other servers may change its mailboxes
            jobs.begin("changes of others", Watch(office.db, office.notify, version.read).run)

    def _bind_all(self, closing: contextlib.AsyncExitStack) -> list[Bound]:
        """The sockets of every listener; closed with ``closing``."""
        inherited = inherited_sockets(self._environment, os.getpid())
        bound: list[Bound] = []
        for listen in self.config.listen or standard_listeners():
            try:
                opened = sockets.listeners(listen.address, listen.port, inherited)
            except OSError as error:
                raise sockets.refusal(listen.address, listen.port, error) from error
            closing.callback(sockets.close, opened)
            self.ports.setdefault(listen.protocol, opened[0].getsockname()[1])
            bound.append((listen, opened))
        return bound

    async def _open_mail_door(
        self, house: House, listen: Listen, opened: Sequence[socket.socket]
    ) -> None:
        for listener in opened:
            name = listener.getsockname()
            sink.emit(ListenerOpened(protocol=listen.protocol, address=name[0], port=name[1]))
        if listen.protocol not in _WEB:
            await house.open(listen, opened)

    async def _begin_web(
        self, house: House, bound: Sequence[Bound], jobs: Supervisor, doors: list["HttpDoor"]
    ) -> None:
        chosen = [(listen, opened) for listen, opened in bound if listen.protocol in _WEB]
        claim = await self._claim(house, chosen, jobs)
        if chosen:
            jobs.begin("web", partial(self._open_web, house, chosen, claim, doors))

    async def _open_web(
        self, house: House, chosen: Sequence[Bound], claim: "Claim | None", doors: list["HttpDoor"]
    ) -> None:
        """Open the doors of the web once somebody is there for them; ``doors`` are open already."""
        closed = chosen[len(doors) :]
        await knock([one for _, opened in closed for one in opened])
        web, call, server, bans, connection = await asyncio.to_thread(_import_web)
        application = web.application(
            call.Services(house.office, house.resolver, house.login, house.intake),
            house.certificates,
            check=house.check,
            counts=_counts,
            gauges=house.gauges,
        )
        for listen, opened in closed:
            served = web.behind(listen, application, house.office)
            if claim is not None:
                served = claim.before(served, listen)
            contexts = always(house.certificates.live()) if listen.is_implicit_tls else None
            door = server.HttpDoor(
                bans.Bans(served, unwelcome=house.login.unwelcome, protocol=listen.protocol),
                connection.Desk(house.connections.caps, listen.protocol),
            )
            doors.append(door)
            await door.start(Listener(opened, door.connection, implicit_tls=contexts))

    async def _claim(
        self, house: House, chosen: Sequence[Bound], jobs: Supervisor
    ) -> "Claim | None":
        """What lets the reader of the console set up a server without an account."""
        if self._say is None or not await setup.is_unowned(house.office):
            return None
        web = await asyncio.to_thread(importlib.import_module, "postroom.web.claim")
        claim: Claim = web.Claim(house.office, house.certificates, self._say)
        gates = [web.Gate(listen, opened[0].getsockname()[1]) for listen, opened in chosen]
        jobs.begin("first run", partial(claim.run, gates))
        return claim

    @contextlib.contextmanager
    def _signals(self, house: House) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, house.reload)
        try:
            yield
        finally:  # asked again while sessions finish: only Ctrl-C cuts that short
            loop.remove_signal_handler(signal.SIGINT)
            loop.add_signal_handler(signal.SIGHUP, _ignored)


def serve(
    config: Config,
    environment: Mapping[str, str],
    ready: Ready = _nothing,
    *,
    say: Say | None = None,
) -> None:
    """Run a server on uvloop where it exists, else on stdlib asyncio; ``say`` as in ``App``."""
    process.prepare()
    process.interruptible()
    with asyncio.Runner(loop_factory=process.loop_factory()) as runner:
        runner.run(App(config, environment, say=say).run(ready))


def _import_web() -> tuple[ModuleType, ...]:
    names = ("application", "api.call", "server", "bans", "connection")
    return tuple(importlib.import_module(f"postroom.web.{name}") for name in names)


def _counts() -> Mapping[str, int]:
    emitter = sink.installed()
    return dict(emitter.counts) if isinstance(emitter, sink.Sink) else {}


async def _watch_loop(notifier: Notifier) -> None:
    """Tell the service manager that the loop turns, and the log when it turned late."""
    loop = asyncio.get_running_loop()
    pinged = loop.time()
    while True:
        began = loop.time()
        await asyncio.sleep(LAG_SECONDS)
        late = loop.time() - began - LAG_SECONDS
        if late > LAG_ALARM:
            sink.emit(LoopLagged(milliseconds=round(late * 1000)))
        if notifier.watchdog_seconds and loop.time() - pinged > notifier.watchdog_seconds / 3:
            notifier.send("WATCHDOG=1")
            pinged = loop.time()
