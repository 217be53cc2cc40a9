"""Which DNS servers are asked: those of the settings, or else those of the system.

The system's file is read again when it has changed (a laptop moves, DHCP renews). Without
any server in it the one on this machine is asked, as resolv.conf(5) says. The order is
kept, but a server that was silent goes to the end until another is silent.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from postroom.errors import ConfigurationError
from postroom.net.addresses import is_loopback

PORT: Final = 53
MOST: Final = 3  # of the system's file, as in resolv.conf(5)
SYSTEM_FILE: Final = Path("/etc/resolv.conf")

_MAX_FILE: Final = 65_536


class Server(msgspec.Struct, frozen=True):
    """Where to ask.

    ``is_trusted``: it is on this machine, so its AD flag counts. ``is_authority``: it is asked for
    what it knows first-hand of its own zone, not to look for others.
    """

    host: str
    port: int = PORT
    is_trusted: bool = False
    is_authority: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


class Servers:
    """The servers in the order in which to ask them."""

    def __init__(
        self,
        configured: Iterable[str] = (),
        file: Path = SYSTEM_FILE,
        *,
        are_authorities: bool = False,
    ) -> None:
        """``configured`` as in ``dns.servers``; ConfigurationError names a bad one."""
        self._fixed = tuple(
            msgspec.structs.replace(parse(one), is_authority=are_authorities) for one in configured
        )
        self._file = file
        self._version: tuple[int, int, int] | None = None
        self._order: list[Server] = list(self._fixed)

    def in_order(self) -> Sequence[Server]:
        """All of them, the one that should be asked first in front."""
        if not self._fixed:
            self._read_again()
        return tuple(self._order)

    def was_silent(self, server: Server) -> None:
        """Ask the others first from now on."""
        if self._order and self._order[0] == server:
            self._order.append(self._order.pop(0))

    def _read_again(self) -> None:
        try:
            seen = self._file.stat()
            version = (seen.st_mtime_ns, seen.st_ino, seen.st_size)
            if version == self._version:
                return
            with self._file.open("rb") as opened:
                text = opened.read(_MAX_FILE).decode(errors="replace")
        except OSError:
            version, text = None, ""  # it may come back: ask again next time
            if self._order:
                return
        self._version = version
        self._order = system(text)


def parse(text: str) -> Server:
    """``192.0.2.53``, ``127.0.0.1:5353``, ``2001:db8::53`` or ``[::1]:5353``."""
    host, port = text, str(PORT)
    if text.startswith("["):
        host, _, port = text[1:].partition("]:")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        ipaddress.ip_address(host)
        number = int(port) if port.isascii() and port.isdigit() else 0
    except ValueError:
        number = 0
    if not 0 < number < 65_536:
        raise ConfigurationError(
            f'dns.servers: {text!r} is not an address like "192.0.2.53" or "[::1]:5353"'
        )
    return Server(host, number, is_loopback(host))


def system(text: str) -> list[Server]:
    """The servers of a resolv.conf(5); the one on this machine when it names none."""
    found: list[Server] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            ipaddress.ip_address(words[1])
        except ValueError:
            continue
        found.append(Server(words[1], PORT, is_loopback(words[1])))
    return found[:MOST] or [Server("127.0.0.1", PORT, is_trusted=True)]
