"""What a client calls itself, and whether it can be so.

RFC 5321 §2.3.5 and §4.1.4 ask for a full domain name or, without one, an address literal, and
forbid to refuse mail only because the name does not belong to the address. So a name that is
merely strange is noted. What no mail server says of itself (our name, somebody else's address,
a bare address, one word) may be refused by a setting.
"""

import ipaddress
from typing import Final

import msgspec

from postroom.mailauth.lookups import Check, Lookup, LookupFailed, RecordType
from postroom.net.networks import read
from postroom.policy.suspicion import Mark
from postroom.protocol.smtp.replies import Reply, reply

_KINDS: Final[tuple[RecordType, ...]] = ("A", "AAAA", "MX")

IMPOSTOR: Final = reply(550, "5.7.1", "You are not who you say you are in HELO")
NO_NAME: Final = reply(
    550, "5.7.1", "Say your full host name in HELO: a domain name, or an address literal"
)


class Fault(msgspec.Struct, frozen=True):
    """What is wrong with a name; ``refusal`` where such names are refused."""

    mark: Mark
    refusal: Reply


def fault(helo: str, address: str, hostname: str) -> Fault | None:
    """What is wrong with ``helo`` of a client at ``address``, told without the DNS.

    ``hostname`` is ours.
    """
    name = helo.strip().rstrip(".").lower()
    if not name:
        return None
    if name == hostname.lower().rstrip("."):
        return Fault(Mark(f"HELO {helo} is our own name", 4), IMPOSTOR)
    literal = _literal(name)
    if literal is not None:
        if literal == read(address):
            return None
        return Fault(Mark(f"HELO {helo} is not its address", 3), IMPOSTOR)
    if name.startswith("["):
        return Fault(Mark(f"HELO {helo} is no address literal", 2), NO_NAME)
    if read(name) is not None:
        return Fault(Mark(f"HELO {helo} is a bare address", 2), NO_NAME)
    if "." not in name:
        return Fault(Mark(f"HELO {helo} is no full name", 1), NO_NAME)
    return None


def name_to_look_up(helo: str) -> str | None:
    """The name that should exist; None for what is no full domain name."""
    name = helo.strip().rstrip(".").lower()
    if "." not in name or name.startswith("[") or read(name) is not None:
        return None
    return name


def check(helo: str) -> Check[Mark | None]:
    """Whether the name exists: it has an address or a mail server. Asks the DNS."""
    name = name_to_look_up(helo)
    if name is None:
        return None
    for kind in _KINDS:
        try:
            if (yield Lookup(name, kind)):
                return None
        except LookupFailed:
            return None
    return Mark(f"HELO {helo} has no address", 1)


def _literal(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """RFC 5321 §4.1.3."""
    if not (name.startswith("[") and name.endswith("]")):
        return None
    return read(name[1:-1].removeprefix("ipv6:"))
