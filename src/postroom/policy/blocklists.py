"""Lists in the DNS of addresses and names that send spam, or none: what to ask, what it means.

A list answers with an address of 127.0.0.0/8 for what it holds; the octets say why. An answer
outside, 127.0.0.1 and 127.255.255.0/24 mean that the list does not serve us (too many questions,
or through a public resolver) or is gone: none of them is ever taken for a listing. Which of the
others count is a setting, for lists use them in many ways.

RFC 5782 §2.1 (IPv4), §2.4 (IPv6), §2.5 and §3 (names), §5 (test entries).
"""

import ipaddress
from typing import Final

import msgspec

from postroom.config.connections import Dnsbl
from postroom.mailauth.lookups import Check, Lookup, LookupFailed
from postroom.net.networks import read
from postroom.policy.suspicion import Mark
from postroom.protocol.smtp.replies import Reply, reply

_LISTS: Final = ipaddress.IPv4Network("127.0.0.0/8")
_ERRORS: Final = ipaddress.IPv4Network("127.255.255.0/24")
_NOTHING: Final = ipaddress.IPv4Address("127.0.0.1")
MAX_NAME: Final = 253


class Blocklist:
    """One list. ``good``: of those who send no spam."""

    def __init__(self, settings: Dnsbl) -> None:
        self.settings = settings
        self.zone = settings.zone.rstrip(".")
        self.good = settings.score < 0
        self._patterns = settings.patterns

    @property
    def of_names(self) -> bool:
        """Whether it holds names, not addresses."""
        return self.settings.lists == "names"

    def check(self, subject: str) -> "Check[Listing | None]":
        """Whether it holds this. What can't be told is no listing."""
        question = self.question(subject)
        if question is None:
            return None
        try:
            answers = yield Lookup(question, "A")
        except LookupFailed:
            return None
        counted = tuple([one for one in answers if isinstance(one, str) and self.counts(one)])
        return Listing(self, subject, counted) if counted else None

    def question(self, subject: str) -> str | None:
        """The name to ask for; None for what can't be in such a list."""
        name = _named(subject) if self.of_names else _reversed(subject)
        question = f"{name}.{self.zone}"
        return question if name and len(question) <= MAX_NAME else None

    def counts(self, answer: str) -> bool:
        """Whether an answer stands for a listing, and is one that counts here."""
        try:
            address = ipaddress.IPv4Address(answer)
        except ValueError:
            return False
        if address not in _LISTS or address in _ERRORS or address == _NOTHING:
            return False
        return not self._patterns or any(
            all(
                least <= octet <= most
                for octet, (least, most) in zip(address.packed, one, strict=True)
            )
            for one in self._patterns
        )


class Listing(msgspec.Struct, frozen=True):
    """Something stands in a list."""

    blocklist: Blocklist
    subject: str
    answers: tuple[str, ...]

    @property
    def mark(self) -> Mark:
        """What it adds to the suspicion of who is listed."""
        settings = self.blocklist.settings
        told = ", ".join(self.answers)
        return Mark(f"{self.subject} is listed in {self.blocklist.zone}: {told}", settings.score)

    @property
    def refusal(self) -> Reply | None:
        """The reply, with where to look, when such are refused."""
        settings = self.blocklist.settings
        if not settings.refuse or self.blocklist.good:
            return None
        lines = [f"{self.subject} is listed in {self.blocklist.zone}"]
        if settings.link:
            lines.append("See " + settings.link.replace("{}", self.subject))
        return reply(550, "5.7.1", *lines)


def _reversed(address: str) -> str | None:
    """RFC 5782 §2.1 and §2.4."""
    ip = read(address)
    if ip is None:
        return None
    return ip.reverse_pointer.removesuffix(".in-addr.arpa").removesuffix(".ip6.arpa")


def _named(name: str) -> str | None:
    """RFC 5782 §3: a domain name, never an address."""
    name = name.lower().rstrip(".")
    if "." not in name or read(name.strip("[]").removeprefix("ipv6:")) is not None:
        return None
    return name if name.isascii() and all(name.split(".")) else None
