"""Which addresses belong together: who has one of them has, for all we know, the others too.

A *network* is an IPv4 address or an IPv6 /64, the least that one customer gets. A *wide*
network is an IPv4 /24 or an IPv6 /48, the least that is routed. What is no address (a socket
of this machine) is its own network.
"""

import ipaddress
from functools import lru_cache
from typing import Final

from postroom.net.addresses import Address, Network

_NARROW: Final = {4: 32, 6: 64}
_WIDE: Final = {4: 24, 6: 48}
_WIDER: Final = {4: 16, 6: 32}


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """The IPv4 address, the IPv6 /64 as text; also of an IPv4 address inside an IPv6 one."""
    ip = read(address)
    if ip is None:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))


@lru_cache(maxsize=4096)
def wide_network_of(address: str) -> str:
    """The IPv4 /24 or the IPv6 /48 as text."""
    ip = read(address)
    return address if ip is None else str(_around(ip, _WIDE[ip.version]))


def wider_network_of(address: str) -> str:
    """The IPv4 /16 or the IPv6 /32 as text, of an address or a network in it: one provider's, often."""
    ip = read(address.partition("/")[0])
    return address if ip is None else str(_around(ip, _WIDER[ip.version]))


def is_loopback(address: str) -> bool:
    """True for this machine."""
    ip = read(address)
    return ip is not None and ip.is_loopback


def names_loopback(host: str) -> bool:
    """True when a host, by name or address, can only be this machine (RFC 6761 §6.3)."""
    name = host.lower().removesuffix(".")
    return name == "localhost" or name.endswith(".localhost") or is_loopback(host)


def around(address: str) -> Network | None:
    """The network of an address; None for what is no address."""
    ip = read(address)
    return None if ip is None else _around(ip, _NARROW[ip.version])


def parse(text: str) -> Network:
    """A network or address as a person writes it; bits behind the prefix are left out.

    Raises ValueError.
    """
    network = ipaddress.ip_network(text.strip(), strict=False)
    if isinstance(network, ipaddress.IPv6Network) and network.prefixlen >= 96:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return ipaddress.IPv4Network((int(mapped), network.prefixlen - 96))
    return network


def _around(ip: Address, prefix: int) -> Network:
    return ipaddress.ip_network((ip, prefix), strict=False)


def read(address: str) -> Address | None:
    """The address without its scope, IPv4 as IPv4; None for what is none."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip
