"""MTA-STS policies of other domains: asked for once, remembered in the database.

Each answer holds for a few minutes in memory; one discovery a domain is under way at a
time. RFC 8461 §3.3, §5.1; the decision is ``mailauth.sts.discover``.
"""

import asyncio
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from postroom.address import Domain
from postroom.db.database import Database
from postroom.directory import sts_policies
from postroom.mailauth import sts
from postroom.mailauth.sts import Discovery
from postroom.net import checks
from postroom.net.dns import Resolver
from postroom.net.fetch import Rules

FRESH_MS: Final = 5 * 60_000
MOST: Final = 10_000

_NOTHING: Final = Discovery(policy=None, remembered=None)


class StsCache:
    """Policies by domain. Used on one loop."""

    def __init__(
        self, db: Database, resolver: Resolver, clock: Callable[[], int], rules: Rules
    ) -> None:
        """``clock`` is UTC milliseconds; ``rules`` say where policies may be fetched."""
        self._db = db
        self._resolver = resolver
        self._clock = clock
        self._rules = rules
        self._known: OrderedDict[str, tuple[int, Discovery]] = OrderedDict()
        # A lock is there for as long as somebody holds it or waits for it.
        self._locks: weakref.WeakValueDictionary[str, asyncio.Lock] = weakref.WeakValueDictionary()

    async def discovery(self, domain: Domain) -> Discovery:
        """The policy in force, None without one, and what kept us from a newer one.

        What can't be asked demands what is remembered.
        """
        if domain.is_literal:
            return _NOTHING
        found = self._fresh(domain.ascii)
        if found is not None:
            return found[1]
        lock = self._locks.setdefault(domain.ascii, asyncio.Lock())
        async with lock:
            found = self._fresh(domain.ascii)
            if found is None:
                found = self._clock(), await self._discover(domain)
                self._known[domain.ascii] = found
                self._known.move_to_end(domain.ascii)
                if len(self._known) > MOST:
                    self._known.popitem(last=False)
            return found[1]

    def _fresh(self, name: str) -> tuple[int, Discovery] | None:
        found = self._known.get(name)
        if found is None or not found[0] <= self._clock() < found[0] + FRESH_MS:
            return None
        return found

    async def _discover(self, domain: Domain) -> Discovery:
        name = domain.ascii
        before = await self._db.read(lambda tx: sts_policies.read(tx, name))
        now = self._clock()
        check = sts.discover(domain, before, now // 1000)
        found = await checks.run(check, self._resolver, self._rules)
        remembered = found.remembered
        if remembered is not None and remembered != before:
            await self._db.write(lambda tx: sts_policies.write(tx, name, remembered, now))
        return found
