"""Whether blocklists hold addresses of our own, asked as others ask them.

A list is believed only while its test entries are as they should be: it holds 127.0.0.2 and not
127.0.0.1, and for IPv6 the same addresses mapped. So a list that is gone and answers everything,
or that turns our resolver away, never says that we are listed. What an answer means is told in
``blocklists``; TXT beside it is the reason of the list.

RFC 5782 §2.1, §2.2 (TXT), §2.4 (IPv6), §5 (test entries).
"""

import ipaddress
from collections.abc import Generator, Sequence
from typing import Final

import msgspec

from postroom.config.connections import Dnsbl
from postroom.ledger.rows import clean
from postroom.mailauth.lookups import Answer, Check, Lookup, LookupFailed, Question, texts
from postroom.net.addresses import Address
from postroom.policy.blocklists import Blocklist

_HELD: Final = {4: ipaddress.ip_address("127.0.0.2"), 6: ipaddress.ip_address("::ffff:127.0.0.2")}
_FREE: Final = {4: ipaddress.ip_address("127.0.0.1"), 6: ipaddress.ip_address("::ffff:127.0.0.1")}

Told = Generator[Question, Answer, tuple[str, ...]]


class Listed(msgspec.Struct, frozen=True):
    """An address of ours stands in a list. ``reason`` is what the list says, perhaps nothing."""

    zone: str
    address: str
    answers: tuple[str, ...]
    reason: str = ""


class Looked(msgspec.Struct, frozen=True):
    """What came of asking one list. ``problem``: why it can't be believed or asked, else "".

    ``addresses`` are those that it was asked about and has answered for.
    """

    zone: str
    addresses: tuple[str, ...] = ()
    listed: tuple[Listed, ...] = ()
    problem: str = ""


def look(zone: str, addresses: Sequence[Address]) -> Check[Looked]:
    """Ask one list about all of these."""
    blocklist = Blocklist(Dnsbl(zone=zone))
    answered: list[str] = []
    listed: list[Listed] = []
    problem = ""
    for version in (4, 6):
        ours = [one for one in addresses if one.version == version]
        if not ours:
            continue
        fault = yield from _fault(blocklist, version)
        if fault is not None:  # many lists hold no IPv6 at all: that is no problem
            problem = problem or (fault if version == 4 else "")
            continue
        for address in ours:
            try:
                found = yield from _answers(blocklist, address)
            except LookupFailed as error:
                problem = problem or f"it does not answer for {address}: {error}"
                continue
            answered.append(str(address))
            if found:
                reason = yield from _reason(blocklist, address)
                listed.append(Listed(blocklist.zone, str(address), found, reason))
    return Looked(blocklist.zone, tuple(answered), tuple(listed), problem)


def _fault(blocklist: Blocklist, version: int) -> "Check[str | None]":
    """Why the list is not to be believed."""
    try:
        if not (yield from _answers(blocklist, _HELD[version])):
            return (
                f"it does not list its test entry {_HELD[version]}: it is gone, or does not serve"
                " the resolver that is asked (dns.servers)"
            )
        if (yield from _told(blocklist, _FREE[version])):
            return f"it lists {_FREE[version]}, as a list does that answers everything"
    except LookupFailed as error:
        return f"it does not answer: {error}"
    return None


def _answers(blocklist: Blocklist, address: Address) -> Told:
    """The answers that stand for a listing. Raises LookupFailed."""
    found = yield from _told(blocklist, address)
    return tuple([one for one in found if blocklist.counts(one)])


def _told(blocklist: Blocklist, address: Address) -> Told:
    found = yield Lookup(_name(blocklist, address), "A")
    return tuple([one for one in found if isinstance(one, str)])


def _reason(blocklist: Blocklist, address: Address) -> "Check[str]":
    try:
        found = yield from texts(_name(blocklist, address))
    except LookupFailed:
        return ""
    return clean(found[0].decode("utf-8", "replace")) if found else ""


def _name(blocklist: Blocklist, address: Address) -> str:
    reverse = address.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")
    return f"{reverse}.{blocklist.zone}"
