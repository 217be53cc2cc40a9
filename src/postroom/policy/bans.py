"""Bans: networks that get no service for a while, with the reason.

In memory, asked at each connection; ``ban_rows`` keeps them over a restart. A ban is for the
doors where it was earned: who guesses passwords is kept from those where people log in
(``login``), who harvests addresses or floods from those where mail comes in (``smtp``); a
postmaster's is for ``all``. A network that is banned again stays away twice as long. Loopback
is never banned.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final, Literal

import msgspec

from postroom.net.addresses import Address, Network
from postroom.net.networks import around, read

Doors = Literal["all", "login", "smtp"]
Key = tuple[str, Doors]

FOR_GOOD: Final = 0  # as ``until``
LONGEST: Final = 24 * 3600  # seconds of a ban that nobody has set by hand
AHEAD_MS: Final = 3_600_000  # what clocks of servers may differ by
FORGET_MS: Final = 7 * 24 * 3600 * 1000  # after its end a ban counts no more towards the next
MAX_EARNED: Final = 20_000  # the oldest go first; a postmaster's are not counted
_LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


class Ban(msgspec.Struct, frozen=True):
    """``network`` in CIDR form. ``since``, ``until`` in UTC milliseconds; 0: for good.

    ``by_hand``: a postmaster's. ``times``: how often this network was banned of late.
    """

    network: str
    doors: Doors
    reason: str
    since: int
    until: int = FOR_GOOD
    times: int = 1
    by_hand: bool = False

    def holds(self, now: int) -> bool:
        """Whether it is in force; one that was earned later than it is now came of a wrong clock."""
        if not self.by_hand and self.since > now + AHEAD_MS:
            return False
        return self.until == FOR_GOOD or now < self.until


class Bans:
    """Every ban of one server. ``changed`` are those that are not written down yet."""

    def __init__(self) -> None:
        self._by_hand: dict[Key, Ban] = {}
        self._earned: OrderedDict[Key, Ban] = OrderedDict()
        self._prefixes: dict[tuple[int, int], int] = {}  # version, length: how many have it
        self.changed: OrderedDict[Key, Ban] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_hand) + len(self._earned)

    def find(self, address: str, doors: Doors, now: int) -> Ban | None:
        """The ban that keeps this address from such a door; a postmaster's before others."""
        ip = read(address) if self._prefixes else None
        if ip is None:
            return None
        found = [ban for ban in self._around(ip, doors) if ban.holds(now)]
        return max(found, key=lambda ban: ban.by_hand, default=None)

    def ban(self, address: str, doors: Doors, reason: str, seconds: int, now: int) -> Ban | None:
        """Ban the network of an address: ``seconds``, doubled for each time before.

        None for loopback and for what is no address. One in force is not made longer.
        """
        network = around(address)
        if network is None or is_exempt(network):
            return None
        key = (str(network), doors)
        before = self._by_hand.get(key) or self._earned.get(key)
        if before is not None and before.holds(now):
            return before
        times = 1 if before is None or now - before.until > FORGET_MS else before.times + 1
        until = now + 1000 * min(seconds << min(times - 1, 16), LONGEST)
        ban = Ban(str(network), doors, reason, now, until, times)
        self.put(ban)
        self.changed[key] = ban
        if len(self.changed) > MAX_EARNED:
            self.changed.popitem(last=False)
        return ban

    def put(self, ban: Ban) -> None:
        """Take a ban in, in place of the one that the network had for these doors."""
        key = (ban.network, ban.doors)
        self._drop(key)
        self._count(ban, 1)
        if ban.by_hand:
            self._by_hand[key] = ban
            return
        self._earned[key] = ban
        if len(self._earned) > MAX_EARNED:
            self._drop(next(iter(self._earned)))

    def replace(self, bans: Iterable[Ban]) -> None:
        """Take over what is written down; what was decided since stays."""
        written = {(one.network, one.doors): one for one in bans} | self.changed
        for table in (self._by_hand, self._earned):
            for key in [key for key in table if key not in written]:
                self._drop(key)
        for key, ban in written.items():
            if (self._by_hand.get(key) or self._earned.get(key)) != ban:
                self.put(ban)

    def _around(self, ip: Address, doors: Doors) -> Iterator[Ban]:
        for version, length in self._prefixes:
            if version != ip.version:
                continue
            network = str(ipaddress.ip_network((ip, length), strict=False))
            keys: tuple[Key, ...] = ((network, doors), (network, "all"))
            for key in keys:
                for table in (self._by_hand, self._earned):
                    ban = table.get(key)
                    if ban is not None:
                        yield ban

    def _drop(self, key: Key) -> None:
        for table in (self._by_hand, self._earned):
            ban = table.pop(key, None)
            if ban is not None:
                self._count(ban, -1)

    def _count(self, ban: Ban, change: int) -> None:
        address, _, length = ban.network.partition("/")
        prefix = (6 if ":" in address else 4, int(length))
        self._prefixes[prefix] = self._prefixes.get(prefix, 0) + change
        if not self._prefixes[prefix]:
            del self._prefixes[prefix]


def is_exempt(network: Network) -> bool:
    """True when this machine is in it: that is never banned."""
    return any(network.version == one.version and network.overlaps(one) for one in _LOOPBACK)
