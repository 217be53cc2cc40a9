"""The composition root: settings in, objects wired by hand, doors up, drain at the end.

The one module that knows everybody. Order of a start: data folder and database, the lock
of the one server, the log, mail doors, and only then the web (whose import is slow). Order
of an end: no new connections, open sessions finish what they have begun, then the database
closes; what was answered with 250 is on stable storage at every moment in between.
"""

import asyncio
import contextlib
import ctypes
import datetime as dt
import importlib
import ipaddress
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Final

from postroom import VERSION
from postroom.access.login import Login
from postroom.access.warning import warn
from postroom.admin.housekeeping import Housekeeping
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.model import Config, Listen, standard_listeners
from postroom.db.locks import ServeLock
from postroom.db.node import leased
from postroom.errors import Refused
from postroom.intake.disk import Disk
from postroom.intake.intake import Intake
from postroom.intake.peer import SUBMISSION
from postroom.intake.services import Services as IntakeServices
from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.door import Door
from postroom.listen.imap.conversation import Services as ImapServices
from postroom.listen.imap.door import ImapDoor, Settings as ImapSettings
from postroom.listen.listener import Listener
from postroom.listen.pop3.door import Pop3Door, Settings as Pop3Settings
from postroom.listen.smtp.door import Network, Settings as SmtpSettings, SmtpDoor
from postroom.net import sockets
from postroom.net.systemd import Notifier, inherited_sockets
from postroom.net.tls import Certificates
from postroom.notify import DIRECTORY
from postroom.post.commit import Post
from postroom.protocol.smtp.settings import Settings as SessionSettings
from postroom.queue.listing import stats as queue_stats
from postroom.store.watch import Watch
from postroom.telemetry import sink
from postroom.telemetry.events import (
    ListenerMissing,
    ListenerOpened,
    LoopLagged,
    ServerStarted,
    ServerStopping,
    StorageTrouble,
)
from postroom.telemetry.outputs import FileOutput, Output, StreamOutput

if TYPE_CHECKING:
    from postroom.web.server import HttpDoor

LAG_SECONDS: Final = 0.5  # between two measurements of the loop
LAG_ALARM: Final = 0.1  # seconds of delay worth a line in the log
NODE: Final = 0  # of the ids, until one is leased; commands take others

_M_MMAP_THRESHOLD: Final = -3  # mallopt(3)
_WEB: Final = frozenset({"http", "https"})
_MISSING: Final = frozenset({"managesieve"})  # doors that this version lacks

Bound = tuple[Listen, Sequence[socket.socket]]

Ready = Callable[["App", Office], Awaitable[None]]


async def _nothing(_app: "App", _office: Office) -> None:
    """Nobody waits for the doors."""


def _ignored() -> None:
    """A signal that comes too late to matter."""


class House:
    """What all doors of one server share, wired by hand."""

    def __init__(self, config: Config, office: Office) -> None:
        limits = config.limits
        self.config = config
        self.office = office
        self.certificates = Certificates(
            config.hostname,
            config.folder,
            certificate=config.tls.certificate,
            key=config.tls.key,
            minimum=config.tls.minimum,
            now=dt.datetime.now(dt.UTC),
        )
        self.connections = Connections(
            Caps(total=limits.max_connections, per_network=limits.max_connections_per_ip)
        )
        self.login = Login(office.directory, office.clock)
        self.post = Post(office.db, office.blobs, office.notify, office.clock, warned=self._warned)
        self._intake = Intake(
            IntakeServices(
                hostname=config.hostname,
                limits=limits,
                directory=office.directory,
                store=office.store,
                blobs=office.blobs,
                post=self.post,
                ids=office.ids,
                clock=office.clock,
                disk=Disk(config.folder, limits.disk_reserve, office.clock),
            )
        )
        self._listeners: list[Listener] = []
        self._warnings: set[asyncio.Task[int]] = set()

    async def open(self, listen: Listen, opened: Sequence[socket.socket]) -> None:
        """Accept connections on these sockets; they are the listener's from here on."""
        listener = Listener(
            opened,
            self._factory(listen),
            implicit_tls=self.certificates.context if listen.is_implicit_tls else None,
        )
        self._listeners.append(listener)
        await listener.open()

    def _factory(self, listen: Listen) -> Callable[[], Door]:
        """What makes a connection of this listener."""
        if listen.protocol in {"imap", "imaps"}:
            return self._imap(listen)
        if listen.protocol in {"pop3", "pop3s"}:
            return self._pop3(listen)
        return self._smtp(listen)

    async def close_doors(self) -> None:
        """No new connections; those that are open finish what they have begun."""
        for listener in self._listeners:
            await listener.close()
        await self.connections.drain(self.config.limits.drain_seconds)
        await asyncio.gather(*self._warnings, return_exceptions=True)

    def reload(self) -> None:
        """Read the certificate again (SIGHUP); on an error the old one stays."""
        try:
            self.certificates.reload()
        except Refused as error:
            sink.emit(StorageTrouble(where="tls", reason=str(error)))

    async def check(self) -> None:
        """Raises when the database does not answer."""
        await self.office.db.read(lambda tx: tx.one("SELECT 1"))

    async def gauges(self) -> Mapping[str, float]:
        """The figures of /metrics that are not counted events."""
        waiting = await self.office.db.read(queue_stats)
        emitter = sink.installed()
        return {
            "connections": len(self.connections),
            "queue_deliveries": waiting.deliveries,
            "queue_held": waiting.held,
            "queue_quarantined": waiting.quarantined,
            "log_failures": emitter.failed if isinstance(emitter, sink.Sink) else 0,
        }

    def _warned(self, due: Collection[tuple[int, int]]) -> None:
        """Mailboxes that are nearly full: tell their people, after the commit."""
        task = asyncio.get_running_loop().create_task(
            warn(
                self.office.store,
                self.post,
                tuple(due),
                address_of=self.office.directory.address_of,
                hostname=self.config.hostname,
            )
        )
        self._warnings.add(task)
        task.add_done_callback(self._warnings.discard)

    def _smtp(self, listen: Listen) -> Callable[[], Door]:
        limits = self.config.limits
        settings = SmtpSettings(
            session=SessionSettings(
                hostname=self.config.hostname,
                dialect="LMTP" if listen.protocol == "lmtp" else "SMTP",
                max_message=limits.max_message,
                max_recipients=limits.max_recipients,
                auth=listen.auth or "never",
                requires_login=listen.protocol in SUBMISSION,
                offers_tls=True,
                soft_errors=limits.soft_errors,
                hard_errors=limits.hard_errors,
                login_failures=limits.login_failures,
            ),
            intake=self._intake,
            login=self.login,
            connections=self.connections,
            protocol=listen.protocol,
            contexts=self.certificates.context,
            implicit_tls=listen.is_implicit_tls,
            trusted=_networks(self.config.trusted),
            relay_from=_networks(listen.relay_from),
            checks=listen.checks == "full",
            idle_seconds=limits.smtp_idle_minutes * 60.0,
        )
        return partial(SmtpDoor, settings)

    def _imap(self, listen: Listen) -> Callable[[], Door]:
        services = ImapServices(
            login=self.login,
            store=self.office.store,
            post=self.post,
            clock=self.office.clock,
            max_message=self.config.limits.max_message,
        )
        settings = ImapSettings(
            hostname=self.config.hostname,
            protocol="imaps" if listen.protocol == "imaps" else "imap",
            auth=listen.auth or "tls",
            idle_seconds=self.config.limits.imap_idle_minutes * 60.0,
            login_seconds=self.config.limits.login_seconds,
            soft_errors=self.config.limits.soft_errors,
            hard_errors=self.config.limits.hard_errors,
            login_failures=self.config.limits.login_failures,
        )
        return partial(
            ImapDoor, self.connections, services, settings, contexts=self.certificates.context
        )

    def _pop3(self, listen: Listen) -> Callable[[], Door]:
        settings = Pop3Settings(
            hostname=self.config.hostname,
            login=self.login,
            store=self.office.store,
            connections=self.connections,
            protocol=listen.protocol,
            contexts=self.certificates.context,
            implicit_tls=listen.is_implicit_tls,
            auth=listen.auth or "tls",
            login_seconds=self.config.limits.login_seconds,
            idle_seconds=self.config.limits.pop3_idle_minutes * 60.0,
            soft_errors=self.config.limits.soft_errors,
            login_failures=self.config.limits.login_failures,
        )
        return partial(Pop3Door, settings)


class App:
    """One running server. ``run`` is its whole life."""

    def __init__(self, config: Config, environment: Mapping[str, str]) -> None:
        """``environment`` may hold what systemd hands over."""
        self.config = config
        self.ports: dict[str, int] = {}
        self._environment = environment
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Begin an orderly end."""
        self._stop.set()

    async def run(self, ready: Ready = _nothing) -> None:
        """Serve until ``stop``, SIGTERM or SIGINT; ``ready`` is awaited once all doors answer.

        Raises Refused when it can't start. Ports are bound first: opening the data folder
        gives up root when the folder belongs to somebody else.
        """
        async with contextlib.AsyncExitStack() as closing:
            bound = self._bind_all(closing)
            closing.enter_context(_log(self.config))
            office = await closing.enter_async_context(open_office(self.config, node=NODE))
            closing.enter_context(ServeLock(self.config.folder))
            if office.db.engine == "postgres":
                await closing.enter_async_context(leased(office.db, office.ids))
            house = House(self.config, office)
            office.notify.subscribe(DIRECTORY, office.directory.hint)
            office.notify.listen()
            try:
                await self._serve(house, bound, ready)
            finally:
                await house.close_doors()

    async def _serve(self, house: House, bound: Sequence[Bound], ready: Ready) -> None:
        notifier = Notifier(self._environment)
        for listen, opened in bound:
            await self._open_mail_door(house, listen, opened)
        sink.emit(
            ServerStarted(
                version=VERSION,
                hostname=self.config.hostname,
                data=self.config.data,
                database=house.office.db.engine,
            )
        )
        jobs = [asyncio.create_task(Housekeeping(house.office).run())]
        jobs.append(asyncio.create_task(_watch_loop(notifier)))
        if house.office.db.engine == "postgres":  # other servers may change its mailboxes
            jobs.append(asyncio.create_task(Watch(house.office.db, house.office.notify).run()))
        web: list[HttpDoor] = []
        try:
            with self._signals(house):
                web += await self._open_web(house, bound)
                notifier.send("READY=1")
                await ready(self, house.office)
                await self._stop.wait()
            sink.emit(ServerStopping(reason="asked to"))
            notifier.send("STOPPING=1")
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            for door in web:
                await door.stop()

    def _bind_all(self, closing: contextlib.AsyncExitStack) -> list[Bound]:
        """The sockets of every listener that has a door; closed with ``closing``."""
        inherited = inherited_sockets(self._environment, os.getpid())
        bound: list[Bound] = []
        for listen in self.config.listen or standard_listeners():
            if listen.protocol in _MISSING:
                bound.append((listen, []))
                continue
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
        if listen.protocol in _MISSING:
            sink.emit(
                ListenerMissing(
                    protocol=listen.protocol,
                    address=listen.address,
                    port=listen.port,
                    reason="this version has no such door",
                )
            )
        for listener in opened:
            name = listener.getsockname()
            sink.emit(ListenerOpened(protocol=listen.protocol, address=name[0], port=name[1]))
        if opened and listen.protocol not in _WEB:
            await house.open(listen, opened)

    async def _open_web(self, house: House, bound: Sequence[Bound]) -> list["HttpDoor"]:
        """Imported only now: the mail doors answer already."""
        chosen = [(listen, opened) for listen, opened in bound if listen.protocol in _WEB]
        if not chosen:
            return []
        health, server = await asyncio.to_thread(_import_web)
        application = health.application(
            check=house.check,
            counts=_counts,
            gauges=house.gauges,
            trusted=self.config.trusted,
        )
        doors = []
        for listen, opened in chosen:
            files: dict[str, str] = {}
            if listen.is_implicit_tls:
                files["certificate"] = str(house.certificates.certificate)
                files["key"] = str(house.certificates.key)
            door = server.HttpDoor(application, list(opened), **files)
            door.start()
            doors.append(door)
        return doors

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


def serve(config: Config, environment: Mapping[str, str], ready: Ready = _nothing) -> None:
    """Run a server on uvloop where it exists, else on stdlib asyncio."""
    _prepare_process()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(App(config, environment).run(ready))


def _prepare_process() -> None:
    """No core dumps (they would hold passwords), all the files we may open, frugal malloc.

    glibc keeps large freed blocks for reuse; each password hash is one of 19 MiB.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 20)


def _networks(texts: Sequence[str]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _import_web() -> tuple[ModuleType, ModuleType]:
    return importlib.import_module("postroom.web.health"), importlib.import_module(
        "postroom.web.server"
    )


def _counts() -> Mapping[str, int]:
    emitter = sink.installed()
    return dict(emitter.counts) if isinstance(emitter, sink.Sink) else {}


@contextlib.contextmanager
def _log(config: Config) -> Iterator[None]:
    """Events go to standard error and to ``log/postroom.jsonl``, as the settings say."""
    outputs: list[Output] = []
    if config.log.console != "none":
        outputs.append(StreamOutput(sys.stderr.buffer, config.log.console))
    if config.log.file:
        outputs.append(
            FileOutput(config.log_path, size=config.log.file_size, keep=config.log.files_kept)
        )
    mine = sink.Sink(outputs, least=config.log.level)
    before = sink.install(mine)
    try:
        yield
    finally:
        sink.install(before)
        mine.close()


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
