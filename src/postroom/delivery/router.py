"""Which way a message goes to a recipient.

In this order: filed here, when it is for an account or the domain is ours by now; the way a postmaster chose for it
(``queue reroute``); a relay, by recipient domain, account, sender domain or default; the
domain's own servers. What strangers send to a domain that we are a backup MX for goes to those
servers whatever relay the rest of mail takes, unless one was named for that domain. With
``delivery.capture`` nothing leaves.
"""

from typing import Final, Literal

import msgspec

from postroom.address import Address, AddressError, Domain
from postroom.directory.directory import Directory
from postroom.directory.relays import Relay, Relays
from postroom.queue.claimed import Recipient
from postroom.queue.rows import STRANGER, Queued

Kind = Literal["mx", "relay", "here", "capture"]

DIRECT: Final = "mx"
"""The route that ignores relays; others are ``relay:NAME``."""
RELAY: Final = "relay:"


class Way(msgspec.Struct, frozen=True):
    """Where to. ``domain`` for mx, ``relay`` for relay.

    Two recipients with the same ``key`` can share a transaction, those of different domains
    too when their ``exchangers`` are the same.
    """

    kind: Kind
    domain: str = ""
    relay: Relay | None = None

    @property
    def key(self) -> str:
        """What tells ways apart."""
        return (
            f"{RELAY}{self.relay.name}" if self.relay is not None else f"{self.kind}:{self.domain}"
        )

    def __str__(self) -> str:
        """For people."""
        return self.key if self.relay is not None or not self.domain else self.domain


class Router:
    """Decides from the directory, which answers from memory."""

    def __init__(self, directory: Directory, relays: Relays, *, capture: bool = False) -> None:
        self._directory = directory
        self._relays = relays
        self._capture = capture

    async def way(self, letter: Queued, recipient: Recipient) -> Way:
        """The way of one recipient. Raises StorageFailed when a relay's secret can't be read."""
        domain = recipient.destination
        if recipient.inward is not None:
            return Way("here")
        if await self._is_ours(domain, recipient.address):
            return Way("here")
        if self._capture:
            return Way("capture")
        route = recipient.route
        if route == DIRECT:
            return Way("mx", domain)
        if route is not None and route.startswith(RELAY):
            chosen = await self._relays.by_name(route.removeprefix(RELAY))
            if chosen is not None:
                return Way("relay", "", chosen)
        if letter.origin == STRANGER and await self._directory.is_backup(Domain(domain)):
            relay = await self._relays.of_recipients(domain)
            return Way("mx", domain) if relay is None else Way("relay", "", relay)
        sender = letter.sender.rpartition(b"@")[2].decode("ascii", "replace")
        relay = await self._relays.choose(sender, domain, letter.account_id)
        return Way("mx", domain) if relay is None else Way("relay", "", relay)

    async def _is_ours(self, domain: str, recipient: bytes) -> bool:
        if not await self._directory.is_own(Domain(domain)):
            return False
        try:
            address = Address.parse(recipient.decode())
        except (AddressError, UnicodeDecodeError):
            return False
        return (await self._directory.resolve(address)).kind != "not-ours"
