"""Who a new server is to others: the name that it gets, and who vouches for it.

Both follow from what is there, so that nobody is asked.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final, Literal

from postroom.admin import names
from postroom.admin.facts import SECONDS, WEB_PORTS, Fact, Place, Reach, web_server
from postroom.net.addresses import is_public
from postroom.net.dns_records import InvalidName, LookupFailed

# Top level domains that no authority certifies: RFC 2606, RFC 6761, RFC 6762, RFC 8375 and customs.
_PRIVATE: Final = frozenset(
    {"test", "example", "invalid", "localhost", "local", "internal", "lan", "home", "corp", "arpa"}
)


def default_hostname(domain: str) -> str:
    """``mail.`` before the domain; raises Invalid for what is no domain."""
    return f"mail.{names.domain(domain).ascii}"


async def hostname(domain: str, reach: Reach) -> str:
    """The name under which the domain's server is known already, else the usual one.

    A name of the domain counts that its address leads back to (RFC 8601 §3, iprev), then one in
    its MX record that leads here. Raises Invalid for what is no domain.
    """
    ascii_domain = names.domain(domain).ascii
    ours = [one for one in reach.outward() if is_public(one)]
    if not reach.is_offline and ours:
        candidates = [name for one in ours for name in await _reverse(reach, one)]
        candidates = [one for one in candidates if f".{one}".endswith(f".{ascii_domain}")]
        candidates += await _exchangers(reach, ascii_domain)
        for one in candidates:
            if await _leads_here(reach, one, ours):
                return one
    return default_hostname(domain)


def may_be_certified(name: str) -> bool:
    """Whether an authority could ever issue a certificate for this name of a host."""
    return "." in name and name.rpartition(".")[2] not in _PRIVATE


def certificates(place: Place, facts: Sequence[Fact], *, wanted: bool) -> Fact:
    """Where the certificates come from, as things are; ``wanted``: from an authority."""
    name, what = place.hostname, "certificates"
    if not wanted:
        if may_be_certified(name):
            return Fact(what, "attention", "made here, as you said", "programs warn of them")
        return Fact(
            what, "attention", f"made here: no authority certifies names like {name}",
            "programs warn of them once; or name files of your own under [tls]",
        )  # fmt: skip
    if (server := web_server(facts)) is not None:
        return Fact(
            what, "attention", f"from Let's Encrypt, as far as {server} hands its questions on",
            "let it hand /.well-known/acme-challenge/ on: docs/mail-programs.md",
        )  # fmt: skip
    others = [one.what for one in facts if one.what in WEB_PORTS]
    if len(others) == len(WEB_PORTS):
        return Fact(
            what, "attention", "made here, as others have ports 80 and 443",
            "free one of them, or let it write your DNS (postroom dns provider): then Let's "
            "Encrypt's come by themselves",
        )  # fmt: skip
    if any(one.what == "server name" and one.state == "good" for one in facts):
        return Fact(what, "good", f"from Let's Encrypt: {name} leads here")
    return Fact(
        what, "attention", f"made here, until {name} leads here; then from Let's Encrypt",
        f"put its records into the DNS of {place.domain}: they come by themselves within the hour",
    )  # fmt: skip


async def _reverse(reach: Reach, address: str) -> Sequence[str]:
    try:
        pointer = ipaddress.ip_address(address).reverse_pointer
        found = await reach.resolver.lookup(pointer, "PTR", seconds=SECONDS)
    except (LookupFailed, InvalidName):
        return ()
    return sorted(found.records)


async def _exchangers(reach: Reach, domain: str) -> list[str]:
    try:
        found = await reach.resolver.lookup(domain, "MX", seconds=SECONDS)
    except (LookupFailed, InvalidName):
        return []
    return [one.host for one in sorted(found.records) if one.host]


async def _leads_here(reach: Reach, name: str, ours: Sequence[str]) -> bool:
    found: list[str] = []
    for address in ours:
        kind: Literal["A", "AAAA"] = "AAAA" if ":" in address else "A"
        try:
            found += (await reach.resolver.lookup(name, kind, seconds=SECONDS)).records
        except (LookupFailed, InvalidName):
            continue
    return bool(found) and set(found) <= set(ours)
