"""``postroom setup --web``: the questions in a browser; afterwards the server that was set up.

It runs in this process, or systemd is let run it. ``postroom serve`` comes here as well while
there is nothing yet that it could serve. Until then nobody owns the machine, so the pages open only with the key in the address that is
printed here. In clear they are served to this machine alone; elsewhere over TLS, with a
certificate that is made for this once, whose fingerprint is printed as well.
"""

import asyncio
import contextlib
import datetime as dt
import errno
import ipaddress
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from postroom import process
from postroom.admin import service
from postroom.admin.office import Office
from postroom.config.load import FILE_NAME, SYSTEM_FILE
from postroom.config.model import Config
from postroom.db.open import now_ms
from postroom.errors import Invalid, Refused
from postroom.net import sockets
from postroom.net.tls import self_signed

if TYPE_CHECKING:
    from postroom.app import App

SYSTEM_DATA: Final = "/var/lib/postroom"
LISTEN: Final = "127.0.0.1:8025"
_TRIES: Final = 200  # ports above the one that is taken


def run(
    file: Path,
    *,
    default_data: str,
    listen: str | None,
    is_offline: bool,
    wants_certificates: bool | None = None,
) -> None:
    """Serve the pages, then the server, until it ends. Raises Refused.

    ``listen`` is where the pages are served; None: on ``LISTEN``, or the next port that is free.
    ``wants_certificates``: from an authority; None: where one could issue them.
    """
    host, port = address(listen or LISTEN)
    is_local = host == "localhost" or (bool(host) and ipaddress.ip_address(host).is_loopback)
    listening = first_free(host, range(port, port + (_TRIES if listen is None else 1)))
    with contextlib.ExitStack() as closing:
        closing.callback(sockets.close, listening)
        context = None if is_local else closing.enter_context(_certificate())
        running = _Running(
            file, default_data, listening, context, is_offline=is_offline,
            wants_certificates=wants_certificates,
        )  # fmt: skip
        process.prepare()
        process.interruptible()
        with asyncio.Runner(loop_factory=process.loop_factory()) as runner:
            runner.run(running.run(host if is_local else socket.gethostname()))


class _Running:
    """The pages and, once it is set up, the server."""

    def __init__(
        self,
        file: Path,
        default_data: str,
        opened: list[socket.socket],
        context: ssl.SSLContext | None,
        *,
        is_offline: bool,
        wants_certificates: bool | None,
    ) -> None:
        self._file = file
        self._default_data = default_data
        self._opened = opened
        self._context = context
        self._is_offline = is_offline
        self._wants_certificates = wants_certificates
        self._finished = asyncio.Event()
        self._server: asyncio.Task[None] | None = None
        self._app: App | None = None
        self._is_handed_over = False

    async def run(self, host: str) -> None:
        """Until the pages are taken away, and then until the server ends."""
        from postroom.listen.caps import Caps
        from postroom.listen.listener import Listener, always
        from postroom.web.connection import Desk
        from postroom.web.first_run import FirstRun
        from postroom.web.render import Renderer
        from postroom.web.server import HttpDoor
        from postroom.web.setup import Setup, Site

        site = Site(
            file=self._file,
            default_data=self._default_data,
            start=self._start,
            finish=self._finished.set,
            hand_over=self._hand_over if service.may_take_over(is_root=_is_root()) else None,
            is_offline=self._is_offline,
            wants_certificates=self._wants_certificates,
        )
        first = FirstRun(now_ms)
        key = first.make_key()
        pages = Setup(site, first, Renderer(socket.gethostname()))
        door = HttpDoor(pages.application(), Desk(Caps(total=500, per_network=50)))
        contexts = None if self._context is None else always(self._context)
        await door.start(Listener(self._opened, door.connection, implicit_tls=contexts))
        scheme = "http" if self._context is None else "https"
        port = self._opened[0].getsockname()[1]
        where = f"[{host}]" if ":" in host else host
        click.echo(f"Open in a browser:\n\n  {scheme}://{where}:{port}/setup?key={key}\n")
        click.echo("It works once, within an hour. Ctrl-C ends it.")
        if self._context is None:
            click.echo(f"From another machine: ssh -L {port}:{where}:{port} {socket.gethostname()}")
        try:
            await self._finished.wait()
        finally:
            await door.stop()
        if self._server is None or self._app is None:
            return
        if self._is_handed_over:
            self._app.stop()
        await self._server
        if self._is_handed_over:
            await self._installed(self._app.config)

    def _hand_over(self) -> None:
        self._is_handed_over = True

    async def _installed(self, config: Config) -> None:
        """Let systemd run the server; when it can't, it goes on here."""
        try:
            await asyncio.to_thread(service.install, config, self._file, is_root=True)
        except Refused as error:
            click.echo(f"systemd does not run the server: {error}; it goes on here", err=True)
            await self._start(config)
            if self._server is not None:
                await self._server
        else:
            click.echo("systemd runs the server now: systemctl status postroom")

    async def _start(self, config: Config) -> Office:
        """The server in this process; its office once all doors answer. Raises Refused."""
        from postroom.app import App

        ready: asyncio.Future[Office] = asyncio.get_running_loop().create_future()

        async def tell(_app: App, office: Office) -> None:
            ready.set_result(office)

        app = App(config, os.environ)
        server = asyncio.create_task(app.run(tell))
        server.add_done_callback(lambda _: ready.cancel())
        await asyncio.wait([ready])
        if ready.cancelled():
            await server  # raises why it could not start
            raise Refused("the server ended at once; see its log")
        server.add_done_callback(lambda _: self._finished.set())
        self._app, self._server = app, server
        return ready.result()


def _is_root() -> bool:
    return os.geteuid() == 0


def first_free(host: str, ports: range) -> list[socket.socket]:
    """Sockets on the first of the ports that nobody else has. Raises Refused."""
    for port in ports:
        try:
            return sockets.listeners(host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == ports[-1]:
                raise sockets.refusal(host, port, error) from error
    raise AssertionError("no port was named")


def default_file() -> Path:
    """Where the settings are written when no other place is named."""
    return SYSTEM_FILE if _is_root() else Path(FILE_NAME)


def default_data(file: Path) -> str:
    """The folder of everything, until somebody names another; ``file`` are the settings.

    Who is not root gets one beside them, if they may not write where it usually is.
    """
    if _is_root() or os.access(SYSTEM_DATA, os.W_OK):
        return SYSTEM_DATA
    return str(file.absolute().with_name("postroom-data"))


def address(text: str) -> tuple[str, int]:
    """``ADDRESS:PORT``, ``[ADDRESS]:PORT`` or ``:PORT`` for every address. Raises Invalid."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if host not in {"", "localhost"}:
            ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not 0 <= number < 65_536:
        raise Invalid(f"{text!r} is not like 127.0.0.1:8025, [::1]:8025 or :8443")
    return host, number


@contextlib.contextmanager
def _certificate() -> Iterator[ssl.SSLContext]:
    """A context with a certificate of its own, whose fingerprint is printed."""
    with tempfile.TemporaryDirectory() as folder:
        chain, key = self_signed(socket.gethostname(), Path(folder), dt.datetime.now(dt.UTC))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(chain, key)
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    octets = certificate.fingerprint(hashes.SHA256())
    click.echo("The browser will warn. The fingerprint (SHA-256) of the certificate must be:")
    click.echo(":".join(f"{one:02X}" for one in octets))
    yield context
