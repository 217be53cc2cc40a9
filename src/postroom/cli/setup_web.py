"""``postroom setup --web``: the questions in a browser; afterwards the server that was set up.

Until then nobody owns the machine, so the pages open only with the key in the address that is
printed here. In clear they are served to this machine alone; elsewhere over TLS, with a
certificate that is made for this once, whose fingerprint is printed as well.
"""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from postroom import process
from postroom.admin.office import Office
from postroom.config.model import Config
from postroom.db.open import now_ms
from postroom.errors import Invalid, Refused
from postroom.net import sockets
from postroom.net.tls import self_signed


def run(file: Path, *, default_data: str, listen: str, is_offline: bool) -> None:
    """Serve the pages, then the server, until it ends. Raises Refused."""
    host, port = address(listen)
    is_local = host == "localhost" or (bool(host) and ipaddress.ip_address(host).is_loopback)
    try:
        opened = sockets.listeners(host, port)
    except OSError as error:
        raise sockets.refusal(host, port, error) from error
    with contextlib.ExitStack() as closing:
        closing.callback(sockets.close, opened)
        context = None if is_local else closing.enter_context(_certificate())
        running = _Running(file, default_data, opened, context, is_offline=is_offline)
        process.prepare()
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
    ) -> None:
        self._file = file
        self._default_data = default_data
        self._opened = opened
        self._context = context
        self._is_offline = is_offline
        self._finished = asyncio.Event()
        self._server: asyncio.Task[None] | None = None

    async def run(self, host: str) -> None:
        """Until the pages are taken away, and then until the server ends."""
        from postroom.web.first_run import FirstRun
        from postroom.web.render import Renderer
        from postroom.web.server import HttpDoor
        from postroom.web.setup import Setup, Site

        site = Site(
            file=self._file,
            default_data=self._default_data,
            start=self._start,
            finish=self._finished.set,
            is_offline=self._is_offline,
            is_secure=self._context is not None,
        )
        first = FirstRun(now_ms)
        key = first.make_key()
        pages = Setup(site, first, Renderer(socket.gethostname()))
        door = HttpDoor(pages.application(), self._opened, context=self._context)
        door.start()
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
        if self._server is not None:
            await self._server

    async def _start(self, config: Config) -> Office:
        """The server in this process; its office once all doors answer. Raises Refused."""
        from postroom.app import App

        ready: asyncio.Future[Office] = asyncio.get_running_loop().create_future()

        async def tell(_app: App, office: Office) -> None:
            ready.set_result(office)

        server = asyncio.create_task(App(config, os.environ).run(tell))
        server.add_done_callback(lambda _: ready.cancel())
        await asyncio.wait([ready])
        if ready.cancelled():
            await server  # raises why it could not start
            raise Refused("the server ended at once; see its log")
        server.add_done_callback(lambda _: self._finished.set())
        self._server = server
        return ready.result()


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
