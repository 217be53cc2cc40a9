"""The guard: which network and which login name has failed how often.

Decisions only, time is asked of the clock. A *network* is an IPv4 address or an IPv6 /64.
A *known pair* is a login name and a network that has logged in well in the last 30 days:
neither an earned ban of the network nor guesses at the name from elsewhere stop it, only
failures of the pair itself. Every table is bounded; the entry not used for longest goes first.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import msgspec

from postroom.net.networks import is_loopback, network_of
from postroom.policy.bans import Bans
from postroom.policy.buckets import MINUTE, Buckets
from postroom.policy.devices import Devices

FAILURES_TO_BAN: Final = 10
FIRST_BAN: Final = 60  # seconds, doubled by each further ban
FORGET: Final = 24 * 3600 * 1000  # ms without failure after which a network starts anew
LONGEST_DELAY: Final = 8.0  # seconds before the answer to a failure
PAIR_FAILURES: Final = 20  # of a known pair, a minute
NAME_FAILURES: Final = 60  # of a login name from strangers, a minute
MAX_ENTRIES: Final = 20_000  # networks


class Verdict(msgspec.Struct, frozen=True):
    """What a failure costs: a delay before the answer, and a ban (seconds, 0 for none)."""

    delay: float
    ban: int


class _Record(msgspec.Struct):
    failures: int = 0
    last: int = 0


class Guard:
    """Counts failures and decides. ``clock`` is UTC milliseconds."""

    def __init__(
        self,
        clock: Callable[[], int],
        bans: Bans | None = None,
        devices: Devices | None = None,
    ) -> None:
        """Bans and known pairs are shared with whoever keeps them over a restart."""
        self._clock = clock
        self._bans = Bans() if bans is None else bans
        self._devices = Devices() if devices is None else devices
        self._networks: OrderedDict[str, _Record] = OrderedDict()
        self._names = Buckets(NAME_FAILURES, MINUTE)
        self._pairs = Buckets(PAIR_FAILURES, MINUTE)

    def refusal(self, login: str, address: str) -> str:
        """Why this attempt must not even be tested; "" when it may."""
        now = self._clock()
        banned = self._bans.find(address, "login", now)
        if banned is not None and banned.by_hand:
            return "the network is banned"
        if self._devices.is_known(login, network_of(address), now):
            if not self._pairs.has(_pair(login, address), now):
                return "too many failures of this person from this network"
            return ""
        if banned is not None:
            return "the network is banned"
        if not self._names.has(login.casefold(), now):
            return "too many failures for this login name"
        return ""

    def unwelcome(self, address: str) -> str:
        """Why a network gets to no door where people log in; "" when somebody of it may.

        A ban that guesses have earned leaves the doors open to where people are known from:
        ``refusal`` then tells them and the guesser apart.
        """
        now = self._clock()
        banned = self._bans.find(address, "login", now)
        if banned is None:
            return ""
        if not banned.by_hand and self._devices.is_known_network(network_of(address), now):
            return ""
        return f"the network is banned: {banned.reason}"

    def succeeded(self, login: str, address: str) -> None:
        """Remember the pair; the network's count of failures does not go down by it."""
        now = self._clock()
        self._devices.saw(login, network_of(address), now)
        self._pairs.give_back(_pair(login, address), now, PAIR_FAILURES)

    def failed(self, login: str, address: str) -> Verdict:
        """Count a failure."""
        now = self._clock()
        if self._devices.is_known(login, network_of(address), now):
            self._pairs.take(_pair(login, address), now)
        else:
            self._names.take(login.casefold(), now)
        if is_loopback(address):
            return Verdict(0.0, 0)
        network = network_of(address)
        record = self._networks.get(network)
        if record is None or now - record.last > FORGET:
            record = _Record()
        self._networks[network] = record
        self._networks.move_to_end(network)
        if len(self._networks) > MAX_ENTRIES:
            self._networks.popitem(last=False)
        record.failures += 1
        record.last = now
        seconds = 0
        if record.failures % FAILURES_TO_BAN == 0:
            ban = self._bans.ban(address, "login", "failed logins", FIRST_BAN, now)
            if ban is not None and ban.since == now:
                seconds = (ban.until - now) // 1000
        return Verdict(min(0.25 * 2 ** min(record.failures - 1, 6), LONGEST_DELAY), seconds)


def _pair(login: str, address: str) -> str:
    return f"{login.casefold()} {network_of(address)}"
