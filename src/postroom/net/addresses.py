"""Which IP addresses are on the Internet, and which are ours or nobody's.

What a stranger names (an MX, the host of a policy or a hook) may lead to public addresses
only: never to this machine, an inner network or a cloud's metadata service (threats W5, Q8).
An IPv6 address that carries an IPv4 address is judged by the latter. What can't be read is
not public.

RFC 6890 and IANA's registries of special-purpose addresses; RFC 4291 §2.5.5 (mapped),
RFC 6052 (NAT64), RFC 3056 (6to4).
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERYWHERE: Final[tuple[Network, ...]] = (
    ipaddress.IPv4Network("0.0.0.0/0"),
    ipaddress.IPv6Network("::/0"),
)
_SPECIAL_4: Final = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private, RFC 1918
            "100.64.0.0/10",  # carrier-grade NAT, RFC 6598
            "127.0.0.0/8",  # loopback
            "169.254.0.0/16",  # link-local; metadata of clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments
            "192.0.2.0/24",  # documentation, RFC 5737
            "192.88.99.0/24",  # 6to4 relays, RFC 7526
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved; broadcast
        ),
    )
)
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")  # all else is local, multicast or nobody's
_SPECIAL_6: Final = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # protocol assignments; Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "3fff::/20",  # documentation, RFC 9637
        ),
    )
)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


@lru_cache(maxsize=4096)
def is_public(ip: str) -> bool:
    """True for an address that may belong to anybody's server on the Internet."""
    address = _read(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_4)
    if address is None or address not in _GLOBAL_6:
        return False
    return not any(address in network for network in _SPECIAL_6)


@lru_cache(maxsize=4096)
def is_loopback(ip: str) -> bool:
    """True for this machine: 127.0.0.0/8 and ::1, however written."""
    address = _read(ip)
    return address is not None and address.is_loopback


def is_inside(ip: str, networks: Iterable[Network]) -> bool:
    """True when the address, or the IPv4 address that it carries, is in one of them."""
    address = _read(ip)
    return address is not None and any(address in network for network in networks)


def _read(ip: str) -> Address | None:
    """The address; the IPv4 address that an IPv6 address carries; None for anything else.

    An address with a scope is on this link and never public, so it may be None as well.
    """
    if "%" in ip:
        return None
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def reachable(address: str) -> str:
    """Where this machine reaches a listener on ``address``, which may be "" for every one."""
    if address in {"", "localhost"}:
        return "127.0.0.1"
    found = ipaddress.ip_address(address)
    if found.is_unspecified:
        return "127.0.0.1" if found.version == 4 else "::1"
    return address
