"""What a sender is worth: by the letters that came from there, and by who writes to it.

A name counts only when it is proven (``Authentication.proves``): whoever claims to be somebody
known gains nothing by it. The network a letter comes from always counts. Whom an account has written to is known to it.

What is learned is written in the background, many letters in one transaction; a kill loses
the last seconds of it.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from postroom.db.database import Database, Tx
from postroom.policy import features, repute_rows
from postroom.policy.facts import Facts
from postroom.policy.repute_rows import Letters
from postroom.policy.rules import Sign
from postroom.policy.tokens import Tokens, number
from postroom.telemetry.trouble import quietly

FLUSH_SECONDS: Final = 5.0
MAX_PENDING: Final = 10_000  # senders and people; more are not noted until the next write
ROUNDS_OF_PRUNING: Final = 720  # writes from one look at what is too old to the next
MAX_SENT: Final = 100  # recipients of one message that become known

KNOWN: Final = Sign(-3.0, "the recipient has written to its author")
FIRST: Final = Sign(0.5, "it is the first message from there, and looks like spam")

_BAD: Final = 0.8  # share of spam
_GOOD: Final = 0.1
_KINDS: Final[Mapping[str, tuple[int, float, float, str]]] = {
    # letters that are needed; points when bad, when good; in words
    "address": (3, 1.5, -1.0, "its author"),
    "domain": (5, 1.0, -0.5, "the domain of its author"),
    "network": (10, 1.0, -0.3, "the network it comes from"),
}


class Standing(msgspec.Struct, frozen=True):
    """What is known of who brings a message. ``friends``: accounts that its author is known to."""

    signs: Sequence[Sign] = ()
    friends: Collection[int] = ()
    is_first: bool = False


class Reputation:
    """Of one server. ``run`` it, and ``close`` it at the end."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._db = db
        self._clock = clock
        self._letters: dict[int, tuple[int, int]] = {}
        self._people: set[tuple[int, int]] = set()

    async def of(self, facts: Facts, read: Tokens) -> Standing:
        """What is known of a message's author and of the network it comes from."""
        senders = _senders(facts, read)
        person = senders.get("address")

        def look(tx: Tx) -> tuple[dict[int, Letters], list[int]]:
            known = repute_rows.letters(tx, list(senders.values()), facts.now)
            if person is None or not facts.accounts:
                return known, []
            return known, repute_rows.who_knows(tx, person, facts.accounts)

        if not senders:
            return Standing()
        known, friends = await self._db.read(look)
        signs = [
            sign
            for kind, sender in senders.items()
            if sender in known and (sign := _sign(kind, known[sender])) is not None
        ]
        return Standing(signs, friends, is_first=not known)

    def note(self, facts: Facts, read: Tokens, *, is_spam: bool) -> None:
        """A message was judged."""
        if len(self._letters) < MAX_PENDING:
            for sender in _senders(facts, read).values():
                spam, ham = self._letters.get(sender, (0, 0))
                self._letters[sender] = spam + is_spam, ham + (not is_spam)

    def sent(self, account_id: int, recipients: Sequence[str]) -> None:
        """An account has written to these addresses."""
        if len(self._people) < MAX_PENDING:
            for address in recipients[:MAX_SENT]:
                self._people.add((account_id, _person(address)))

    async def run(self) -> None:
        """Write what was noted from time to time; until it is cancelled."""
        rounds = 0
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()
            if rounds % ROUNDS_OF_PRUNING == 0:
                await quietly("reputation", self.prune)
            rounds += 1

    async def close(self) -> None:
        """Write what is left; the last call."""
        await self.flush()

    async def flush(self) -> None:
        """Write what was noted; what can't be written is lost, which is told."""
        counted, self._letters = self._letters, {}
        people, self._people = self._people, set()
        if not counted and not people:
            return
        now = self._clock()

        def write(tx: Tx) -> None:
            repute_rows.add(tx, counted, now)
            repute_rows.know(tx, people, now)

        await quietly("reputation", lambda: self._db.write(write, bulk=True))

    async def prune(self) -> None:
        """Forget what is old. Readers look for it: to go through everybody would hold up the writer."""
        now = self._clock()
        for find, drop in (
            (repute_rows.old_senders, repute_rows.drop_senders),
            (repute_rows.old_people, repute_rows.drop_people),
        ):
            old = await self._db.read(partial(find, now=now))
            while old:
                await self._db.write(partial(drop, old=old), bulk=True)
                old = await self._db.read(partial(find, now=now, after=old[-1]))


def _senders(facts: Facts, read: Tokens) -> dict[str, int]:
    """Who brings a message, by kind."""
    senders: dict[str, int] = {}
    if facts.authentication.proves(facts.authentication.author):
        author = features.author(read.fields)
        domain = facts.authentication.author
        if author is not None:
            local = author.local.decode("utf-8", "replace")
            senders["address"] = _person(f"{local}@{domain}")
        senders["domain"] = number(f"sender-domain:{domain}")
    network = _network(facts.address)
    if network:
        senders["network"] = number(f"sender-network:{network}")
    return senders


def _person(address: str) -> int:
    return number(f"sender-address:{address.lower()}")


def _network(address: str) -> str:
    """The /24 of an IPv4 address, the /64 of IPv6; "" for none and for addresses of our own."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if found.is_private or found.is_loopback:
        return ""
    return str(ipaddress.ip_network(f"{found}/{24 if found.version == 4 else 64}", strict=False))


def _sign(kind: str, known: Letters) -> Sign | None:
    needed, bad, good, words = _KINDS[kind]
    if known.count < needed:
        return None
    share = known.spam / known.count
    if share >= _BAD:
        return Sign(bad, f"{words} has sent {share:.0%} spam so far")
    if share <= _GOOD:
        return Sign(good, f"{words} has sent hardly any spam so far")
    return None
