"""How a message would go to the servers of others, told while it is being written.

Nothing is connected to: the rules of the postmaster, the DNS (MX, DANE) and policies (MTA-STS) say
whether the server of a recipient can prove who it is, and whether the message goes in no other way.
"""

import asyncio
from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from postroom.address import Domain
from postroom.admin.office import Office
from postroom.delivery.exchangers import Nowhere
from postroom.delivery.here import CAPTURE
from postroom.delivery.outbound import lookup_of, tls_policy_of
from postroom.delivery.tls_policy import Security
from postroom.net.dns import Resolver
from postroom.net.dns_records import LookupFailed

MOST: Final = 20  # domains that are looked at; of more the first
SECONDS: Final = 6.0

_PROOFS: Final = {
    "rule": "a rule of the postmaster",
    "dane": "DANE",
    "sts": "MTA-STS",
}


class WayView(msgspec.Struct, frozen=True):
    """How mail for a domain goes. "safe": only encrypted, to a server that is proven."""

    domain: str
    level: Literal["safe", "usual", "none", "unknown"]
    words: str


class Ways:
    """Looks ways up; what it has found of policies is kept for a while. Made once."""

    def __init__(self, office: Office, resolver: Resolver) -> None:
        self._office = office
        self._lookup = lookup_of(office.config, resolver)
        self._policy = tls_policy_of(
            office.config, office.db, office.directory, resolver, office.clock
        )

    async def of(
        self, account_id: int, sender: Domain, recipients: Iterable[Domain]
    ) -> list[WayView]:
        """The way to each of these domains for mail of an account."""
        asked = list(dict.fromkeys(recipients))[:MOST]
        return await asyncio.gather(*[self._way(account_id, sender, one) for one in asked])

    async def _way(self, account_id: int, sender: Domain, domain: Domain) -> WayView:
        directory, name = self._office.directory, domain.unicode
        if await directory.is_own(domain):
            return WayView(name, "safe", "it stays on this server")
        if self._office.config.delivery.capture:
            return WayView(name, "usual", f"nothing leaves this server: it is filed for {CAPTURE}")
        relay = await directory.relays.choose(sender.ascii, domain.ascii, account_id)
        if relay is not None:
            secure = "" if relay.tls == "none" else "encrypted "
            return WayView(
                name, "usual", f"it goes {secure}to {relay.host}, which decides how it goes on"
            )
        try:
            async with asyncio.timeout(SECONDS):
                found = await self._lookup.exchangers(domain.ascii)
                host = await self._lookup.host(found.hosts[0])
                return _told(
                    name, host.name, await self._policy.security(domain.ascii, found, host)
                )
        except Nowhere as error:
            return WayView(name, "none", str(error))
        except (LookupFailed, TimeoutError):
            return WayView(name, "unknown", "the DNS does not answer for it just now")


def _told(name: str, host: str, found: Security) -> WayView:
    if found.refusal is not None:
        return WayView(name, "none", f"{host} must not be used: {found.refusal.text}")
    if found.is_proven:
        proof = _PROOFS.get(found.kind, found.kind)
        return WayView(
            name, "safe", f"{host} is proven by {proof}; it goes encrypted or not at all"
        )
    return WayView(
        name, "usual", f"it goes encrypted if {host} offers that, which does not prove who it is"
    )
