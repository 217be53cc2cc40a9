"""Listening sockets: bound by us, or inherited from the service manager."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from postroom.errors import Refused

BACKLOG: Final = 1024
_NET_BIND_SERVICE: Final = 10  # a bit of the capability sets, capabilities(7)
_EVERYWHERE: Final = ("::", "0.0.0.0")  # noqa: S104  (an empty address in the file asks for it)

_SOMEWHERE: Final = (  # root name servers: addresses that any route to the Internet covers
    (socket.AF_INET, "198.41.0.4"),
    (socket.AF_INET6, "2001:503:ba3e::2:30"),
)


def listeners(
    address: str, port: int, inherited: Sequence[socket.socket] = ()
) -> list[socket.socket]:
    """Sockets that listen on ``address`` and ``port``; raises OSError (``refusal`` words it).

    An empty address is every address of the machine, IPv6 and IPv4. A socket that the
    service manager opened on that port is taken instead of a new one.
    """
    ready = [one for one in inherited if one.getsockname()[1] == port]
    if ready:
        return ready
    if address:
        return [_listen(address, port)]
    opened: list[socket.socket] = []
    for everywhere in _EVERYWHERE:
        try:
            opened.append(_listen(everywhere, opened[0].getsockname()[1] if opened else port))
        except OSError as error:
            if error.errno not in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                close(opened)
                raise
    return opened


def outward_addresses() -> list[str]:
    """The addresses from which this machine would speak to the Internet, IPv4 first.

    Nothing is sent: connecting a datagram socket only chooses a route.
    """
    found: list[str] = []
    for family, somewhere in _SOMEWHERE:
        with (
            contextlib.suppress(OSError),
            socket.socket(family, socket.SOCK_DGRAM) as probe,
        ):
            probe.connect((somewhere, 53))
            found.append(probe.getsockname()[0])
    return found


def least_port(proc: Path = Path("/proc")) -> int:
    """The lowest port that this process may listen on: 0 for root, 1024 for most others."""
    with contextlib.suppress(OSError, ValueError):
        status = (proc / "self/status").read_text()
        effective = int(status.partition("CapEff:")[2].split()[0], 16)
        if effective >> _NET_BIND_SERVICE & 1:
            return 0
        return int((proc / "sys/net/ipv4/ip_unprivileged_port_start").read_text())
    return 0 if os.geteuid() == 0 else 1024


def refusal(address: str, port: int, error: OSError) -> Refused:
    """The error of ``listeners`` in words that help."""
    where = f"{address or 'every address'} port {port}"
    if error.errno == errno.EADDRINUSE:
        return Refused(
            f"cannot listen on {where}: another program does; find it with: ss -ltnp 'sport = :{port}'"
        )
    if error.errno == errno.EACCES:
        return Refused(
            f"cannot listen on {where}: ports below 1024 are root's; let systemd open "
            "them (postroom install-service, as root), or set another port in [[listen]]"
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return Refused(
            f"cannot listen on {where}: this machine has no such address; those it has: ip address"
        )
    return Refused(f"cannot listen on {where}: {error.strerror or error}")


def close(sockets: Iterable[socket.socket]) -> None:
    """Close them all."""
    for one in sockets:
        one.close()


def _listen(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if address == "localhost":
        address = "127.0.0.1"
    # with its protocol named, asyncio sets TCP_NODELAY on what it accepts
    kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
