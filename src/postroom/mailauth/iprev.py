"""iprev: whether the name of a client's address leads back to that address (RFC 8601 §3).

A client without a name is a permerror, one whose names lead elsewhere a fail. Neither says much
about a message; the name that passes is what Received fields and people are shown.
"""

import ipaddress
from typing import Final, Literal

import msgspec

from postroom.mailauth.lookups import Check, Lookup, LookupFailed
from postroom.mailauth.spf_macro import IpAddress

Outcome = Literal["none", "pass", "fail", "temperror", "permerror"]

MAX_NAMES: Final = 5  # of one address that are followed


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``name`` is the first that leads back, "" unless it passes."""

    outcome: Outcome
    name: str = ""
    problem: str = ""


def check(ip: IpAddress) -> Check[Result]:
    """Follow the names of the address; nothing raises."""
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    try:
        answer = yield Lookup(ip.reverse_pointer, "PTR")
    except LookupFailed as error:
        return Result(outcome="temperror", problem=str(error))
    names = [str(record).removesuffix(".").lower() for record in answer][:MAX_NAMES]
    if not names:
        return Result(outcome="permerror", problem="the address has no name")
    problem = ""
    for name in names:
        try:
            addresses = yield Lookup(name, "A" if ip.version == 4 else "AAAA")
        except LookupFailed as error:
            problem = str(error)
            continue
        if str(ip) in addresses or any(
            isinstance(one, str) and ipaddress.ip_address(one) == ip for one in addresses
        ):
            return Result(outcome="pass", name=name)
    if problem:
        return Result(outcome="temperror", problem=problem)
    return Result(outcome="fail", problem=f"{names[0]} does not lead back to the address")
