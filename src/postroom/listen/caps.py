"""How many connections may be open: in all, and from one network.

A network is an IPv4 address or an IPv6 /64. Loopback is exempt from the cap by network,
and some places of the total are kept for it: the machine's own programs and its
postmaster get in while strangers flood the doors (DESIGN: Trust).
"""

from functools import lru_cache
from typing import Final

from postroom.net.networks import is_loopback, network_of

MAX_RESERVE: Final = 100  # places kept for loopback


class Caps:
    """Counts open connections. Used on one event loop."""

    __slots__ = ("_by_network", "_for_strangers", "_open", "_per_network", "_total")

    def __init__(self, *, total: int, per_network: int) -> None:
        self._total = total
        self._per_network = per_network
        self._for_strangers = total - min(MAX_RESERVE, total // 10)
        self._open = 0
        self._by_network: dict[str, int] = {}

    @property
    def open(self) -> int:
        """Connections that were let in and have not left."""
        return self._open

    def enter(self, address: str) -> str:
        """Let a connection in, or say why not; "" means it is in and must ``leave``."""
        network = _network(address)
        if self._open >= (self._for_strangers if network else self._total):
            return "too many connections"
        if network:
            mine = self._by_network.get(network, 0)
            if mine >= self._per_network:
                return "too many connections from this network"
            self._by_network[network] = mine + 1
        self._open += 1
        return ""

    def leave(self, address: str) -> None:
        """A connection that was let in has ended."""
        self._open -= 1
        network = _network(address)
        mine = self._by_network.get(network, 0)
        if mine > 1:
            self._by_network[network] = mine - 1
        else:
            self._by_network.pop(network, None)


@lru_cache(maxsize=1024)
def _network(address: str) -> str:
    """The network that is counted; loopback has none."""
    return "" if is_loopback(address) else network_of(address)
