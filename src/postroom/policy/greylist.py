"""Greylisting of those who are suspicious: come again in some minutes, as mail servers do.

A *triple* is a network, the domain of the sender and a recipient. It is put off the first time
it is seen, and taken when it comes again after ``wait`` and within ``WINDOW``. Then the network
is known for mail of that domain to everybody here, as long as some comes every ``REMEMBER``.

In memory, bounded, the one not seen for longest goes first; ``greylist_rows`` keeps it over a
restart. Keys are digests: nobody learns from the table who wrote to whom. Time is an argument,
in milliseconds. RFC 6647 (why, and with which care).
"""

from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

from postroom.net.networks import wide_network_of
from postroom.protocol.smtp.replies import Reply, reply

HOUR: Final = 3_600_000
WINDOW: Final = 48 * HOUR
REMEMBER: Final = 36 * 24 * HOUR  # a monthly newsletter is known
MAX_ENTRIES: Final = 50_000
MAX_CHANGED: Final = 5_000  # new ones that are written down at one time; more only in memory
FRESH: Final = 24 * HOUR  # so often it is noted that a known one was seen

COME_AGAIN: Final = reply(
    450, "4.7.1", "This looks suspicious; please try again in some minutes, as mail servers do"
)


class Entry(msgspec.Struct, frozen=True):
    """``who`` is a digest. ``passed``: it has come again in time."""

    who: str
    asked: int
    seen: int
    passed: bool = False


class Greylist:
    """Of one server. ``changed`` are entries that are not written down yet."""

    def __init__(self, wait: int) -> None:
        """``wait``: milliseconds before which it is too early to come again."""
        self.wait = wait
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self.changed: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def keys(self, address: str, sender: str, recipient: str) -> tuple[str, str]:
        """Who this is: the network with the domain, and the triple."""
        network = wide_network_of(address)
        domain = sender.rpartition("@")[2].lower()
        return _digest(network, domain), _digest(network, domain, recipient.lower())

    def unknown(self, keys: Iterable[str]) -> list[str]:
        """Those that are not in memory and may be written down."""
        return [key for key in keys if key not in self._entries]

    def refusal(self, keys: tuple[str, str], now: int) -> Reply | None:
        """Put it off, or None: it is known, or has come again in time."""
        pair, triple = keys
        known = self._entries.get(pair)
        if known is not None and known.passed and now - known.seen < REMEMBER:
            if now - known.seen >= FRESH:
                self._note(msgspec.structs.replace(known, seen=now))
            return None
        entry = self._entries.get(triple)
        if entry is None or not 0 <= now - entry.asked < WINDOW:
            self._note(Entry(triple, now, now))
            return COME_AGAIN
        if now - entry.asked < self.wait:
            return COME_AGAIN
        self._note(Entry(pair, entry.asked, now, passed=True))
        return None

    def put(self, entries: Iterable[Entry]) -> None:
        """Take in what is written down, where nothing newer is known."""
        for entry in entries:
            known = self._entries.get(entry.who)
            if known is None or known.seen < entry.seen:
                self._keep(entry)

    def _note(self, entry: Entry) -> None:
        self._keep(entry)
        if len(self.changed) < MAX_CHANGED:
            self.changed[entry.who] = entry

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.who] = entry
        self._entries.move_to_end(entry.who)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
