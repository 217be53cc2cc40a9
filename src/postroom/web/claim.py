"""The pages of setting up, in a server that runs already and in which nobody has an account.

They are served by its own listeners: in clear to this machine alone, to everybody else over TLS.
Who may open them is told on the console and in the log (``first_run``); once somebody has an
account, from here or by a command, and the pages are done, they are gone.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
from cryptography.hazmat.primitives import hashes
from starlette.types import ASGIApp, Receive, Scope, Send

from postroom.admin import setup
from postroom.admin.office import Office
from postroom.config.model import Listen
from postroom.net import sockets
from postroom.net.tls import Certificates
from postroom.telemetry import sink
from postroom.telemetry.events import SetupOffered
from postroom.web.first_run import KEY_MS, FirstRun
from postroom.web.render import Renderer
from postroom.web.setup import Setup, Site

PATH: Final = "/setup"
_HTTPS: Final = 443
_HTTP: Final = 80

Say = Callable[[str], None]


class Gate(msgspec.Struct, frozen=True):
    """A listener through which the pages can be reached, on the port that it got."""

    listen: Listen
    port: int


class Claim:
    """One server that waits for its owner. ``before`` puts the pages before what it serves."""

    def __init__(self, office: Office, certificates: Certificates, say: Say) -> None:
        """``say`` shows a text on the console."""
        self._office = office
        self._certificates = certificates
        self._say = say
        self._first = FirstRun(office.clock)
        self._is_over = asyncio.Event()
        site = Site(
            file=None,
            default_data=office.config.data,
            finish=self._is_over.set,
            office=office,
        )
        self._renderer = Renderer(office.config.hostname)
        self._pages = Setup(site, self._first, self._renderer).application()

    def before(self, served: ASGIApp, listen: Listen) -> ASGIApp:
        """What a listener answers as long as the server has no owner, and afterwards."""
        if not _is_gate(listen):
            return served

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["path"] if scope["type"] == "http" else ""
            chosen = served
            if _is_ours(path) and await self._is_open():
                chosen = self._pages
            elif path == "/" and await self._is_open() and await setup.is_unowned(self._office):
                chosen = self._renderer.page("setup_wait.html", visitor=None)
            await chosen(scope, receive, send)

        return answer

    async def run(self, gates: Iterable[Gate]) -> None:
        """Offer the pages with a new key each hour, until somebody owns the server."""
        reachable = [gate for gate in gates if _is_gate(gate.listen)]
        if not reachable:
            self._say(
                "Nobody has an account here yet, and the pages for that are served on https or on "
                "http of this machine only, which are not listened on: postroom setup asks here."
            )
            return
        while await self._is_open():
            if not self._first.is_used:
                self._offer(reachable)
            try:
                await asyncio.wait_for(self._is_over.wait(), KEY_MS / 1000)
            except TimeoutError:
                continue

    async def _is_open(self) -> bool:
        """Whether the pages are there; an account that came another way ends them."""
        if self._is_over.is_set():
            return False
        if self._first.is_used or await setup.is_unowned(self._office):
            return True
        self._first.close()
        self._is_over.set()
        return False

    def _offer(self, gates: Sequence[Gate]) -> None:
        key = self._first.make_key()
        addresses = [f"{_url(gate)}{PATH}?key={key}" for gate in gates]
        for address in addresses:
            sink.emit(SetupOffered(address=address))
        lines = ["", "Nobody has an account here yet. Set the server up in a browser:", ""]
        lines += [f"  {address}" for address in addresses]
        lines += ["", "It works once, within an hour; then there is a new one here."]
        lines += [_tunnel(gate) for gate in gates if not gate.listen.is_implicit_tls]
        if any(gate.listen.is_implicit_tls for gate in gates):
            lines += ["The browser may warn. The fingerprint (SHA-256) of the certificate is:"]
            lines += [self._fingerprint()]
        self._say("\n".join([*lines, "Or answer the same questions here: postroom setup", ""]))

    def _fingerprint(self) -> str:
        chain, _key = self._certificates.signer()
        return ":".join(f"{one:02X}" for one in chain[0].fingerprint(hashes.SHA256()))


def _is_gate(listen: Listen) -> bool:
    return listen.protocol == "https" or (listen.protocol == "http" and listen.is_loopback)


def _is_ours(path: str) -> bool:
    return path == PATH or path.startswith(f"{PATH}/")


def _url(gate: Gate) -> str:
    """Where a browser finds it: by an address, for the name may not be in DNS yet."""
    is_secure = gate.listen.is_implicit_tls
    scheme, usual = ("https", _HTTPS) if is_secure else ("http", _HTTP)
    port = "" if gate.port == usual else f":{gate.port}"
    return f"{scheme}://{_host(gate.listen.address)}{port}"


def _host(address: str) -> str:
    if address == "localhost":
        return address
    if not address or ipaddress.ip_address(address).is_unspecified:
        address = next(iter(sockets.outward_addresses()), "127.0.0.1")
    return f"[{address}]" if ":" in address else address


def _tunnel(gate: Gate) -> str:
    host = _host(gate.listen.address)
    return f"From another machine: ssh -L {gate.port}:{host}:{gate.port} THIS-MACHINE"
