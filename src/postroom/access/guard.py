"""The guard: which network and which login name has failed how often.

Decisions only, time is asked of the clock. A *network* is an IPv4 address or an IPv6 /64.
A *known pair* is a login name and a network that has logged in well in the last 30 days:
neither a ban of the network nor guesses at the name from elsewhere stop it, only failures
of the pair itself. Every table is bounded; the entry not used for longest goes first.
"""

import ipaddress
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import msgspec

FAILURES_TO_BAN: Final = 10
FIRST_BAN: Final = 60  # seconds, doubled by each further ban
LONGEST_BAN: Final = 24 * 3600
FORGET: Final = 24 * 3600 * 1000  # ms without failure after which a network starts anew
LONGEST_DELAY: Final = 8.0  # seconds before the answer to a failure
PAIR_FAILURES: Final = 20  # of a known pair, a minute
NAME_FAILURES: Final = 60  # of a login name from strangers, a minute
MINUTE: Final = 60_000
KNOWN_FOR: Final = 30 * 24 * 3600 * 1000
MAX_ENTRIES: Final = 20_000

T = TypeVar("T")


class Verdict(msgspec.Struct, frozen=True):
    """What a failure costs: a delay before the answer, and a ban (seconds, 0 for none)."""

    delay: float
    ban: int


class _Record(msgspec.Struct):
    failures: int = 0
    bans: int = 0
    last: int = 0
    banned_until: int = 0


class _Bucket(msgspec.Struct):
    """At most so many failures a minute."""

    since: int = 0
    failures: int = 0

    def is_empty(self, limit: int, now: int) -> bool:
        return now - self.since < MINUTE and self.failures >= limit

    def take(self, now: int) -> None:
        if now - self.since >= MINUTE:
            self.since, self.failures = now, 0
        self.failures += 1


class _Table(Generic[T]):
    """A bounded dictionary."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, T] = OrderedDict()

    def get(self, key: str) -> T | None:
        return self._entries.get(key)

    def put(self, key: str, value: T) -> T:
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)
        return value

    def drop(self, key: str) -> None:
        self._entries.pop(key, None)


def network_of(address: str) -> str:
    """The IPv4 address, the IPv6 /64; what is no address is its own network."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return str(ip.ipv4_mapped)
        return str(ipaddress.ip_network((int(ip) >> 64 << 64, 64)))
    return str(ip)


def is_loopback(address: str) -> bool:
    """True for this machine."""
    try:
        ip = ipaddress.ip_address(network_of(address).partition("/")[0])
    except ValueError:
        return False
    return ip.is_loopback or address == "::1"


class Guard:
    """Counts failures and decides. ``clock`` is UTC milliseconds."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._networks: _Table[_Record] = _Table()
        self._names: _Table[_Bucket] = _Table()
        self._pairs: _Table[_Bucket] = _Table()
        self._known: _Table[int] = _Table()

    def refusal(self, login: str, address: str) -> str:
        """Why this attempt must not even be tested; "" when it may."""
        now = self._clock()
        pair = _pair(login, address)
        if self._is_known(pair, now):
            bucket = self._pairs.get(pair)
            if bucket is not None and bucket.is_empty(PAIR_FAILURES, now):
                return "too many failures of this person from this network"
            return ""
        if self.is_banned(address):
            return "the network is banned"
        bucket = self._names.get(login.casefold())
        if bucket is not None and bucket.is_empty(NAME_FAILURES, now):
            return "too many failures for this login name"
        return ""

    def is_banned(self, address: str) -> bool:
        """True while the network is banned."""
        record = self._networks.get(network_of(address))
        return (
            record is not None and self._clock() < record.banned_until and not is_loopback(address)
        )

    def succeeded(self, login: str, address: str) -> None:
        """Remember the pair; the network's count of failures does not go down by it."""
        pair = _pair(login, address)
        self._known.put(pair, self._clock())
        self._pairs.drop(pair)

    def failed(self, login: str, address: str) -> Verdict:
        """Count a failure."""
        now = self._clock()
        pair = _pair(login, address)
        if self._is_known(pair, now):
            _bucket(self._pairs, pair).take(now)
        else:
            _bucket(self._names, login.casefold()).take(now)
        if is_loopback(address):
            return Verdict(0.0, 0)
        network = network_of(address)
        record = self._networks.get(network)
        if record is None or now - record.last > FORGET:
            record = _Record()
        self._networks.put(network, record)
        record.failures += 1
        record.last = now
        ban = 0
        if record.failures % FAILURES_TO_BAN == 0:
            ban = min(FIRST_BAN << min(record.bans, 16), LONGEST_BAN)
            record.bans += 1
            record.banned_until = now + ban * 1000
        return Verdict(min(0.25 * 2 ** min(record.failures - 1, 6), LONGEST_DELAY), ban)

    def _is_known(self, pair: str, now: int) -> bool:
        since = self._known.get(pair)
        return since is not None and now - since < KNOWN_FOR


def _pair(login: str, address: str) -> str:
    return f"{login.casefold()} {network_of(address)}"


def _bucket(table: _Table[_Bucket], key: str) -> _Bucket:
    return table.put(key, table.get(key) or _Bucket())
