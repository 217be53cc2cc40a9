"""What the filter knows, at hand: one read a message at most, none when all is remembered.

Counts of everybody's tokens are remembered until somebody has taught the filter something;
how many lessons there are is asked again every few seconds, so what another process or
server learns counts soon. What accounts have learned by themselves is read when needed.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from postroom.db.database import Database, Tx
from postroom.policy import knowledge
from postroom.policy.bayes import Counts, Knowledge
from postroom.policy.knowledge import EVERYBODY, NOTHING, Totals

FRESH_MS: Final = 5_000  # how old totals may be
MAX_TOKENS: Final = 100_000  # remembered
MAX_SCOPES: Final = 10_000
MAX_OWN: Final = 20  # accounts of one message whose own knowledge is asked for

_UNKNOWN: Final[Counts] = (0, 0, 0)


class Known(msgspec.Struct, frozen=True):
    """Of one message's tokens. ``own`` has only accounts that have learned something.

    ``levels`` are those of the accounts that have chosen one.
    """

    everybody: Knowledge
    own: Mapping[int, Knowledge]
    levels: Mapping[int, str]


class Memory:
    """What one server remembers of what the filter has learned."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._db = db
        self._clock = clock
        self._totals: dict[int, Totals] = {}
        self._asked = 0
        self._version = -1
        self._counts: dict[int, Counts] = {}

    async def recall(self, tokens: Sequence[int], accounts: Sequence[int]) -> Known:
        """What is known of these tokens. Raises MailError."""
        now = self._clock()
        if not self._asked <= now < self._asked + FRESH_MS or len(self._totals) > MAX_SCOPES:
            self._totals.clear()
            self._asked = now
        scopes = [EVERYBODY, *accounts]
        unasked = [scope for scope in scopes if scope not in self._totals]
        if unasked:
            found = await self._db.read(lambda tx: knowledge.totals(tx, unasked))
            self._totals.update({scope: found.get(scope, NOTHING) for scope in unasked})
        totals = {scope: self._totals.get(scope, NOTHING) for scope in scopes}
        taught = [one for one in accounts if totals[one].lessons][:MAX_OWN]
        counts = await self._recalled(tokens, totals[EVERYBODY], taught)
        learned = {scope: totals[scope].of(known) for scope, known in counts.items()}
        levels = {one: totals[one].level for one in accounts if totals[one].level}
        return Known(learned.pop(EVERYBODY), learned, levels)

    async def _recalled(
        self, tokens: Sequence[int], everybody: Totals, taught: Sequence[int]
    ) -> dict[int, Mapping[int, Counts]]:
        if everybody.version != self._version or len(self._counts) > MAX_TOKENS:
            self._counts = {}
            self._version = everybody.version
        remembered = self._counts
        new = []
        if everybody.lessons:
            new = [token for token in tokens if token not in remembered]
        found: dict[int, dict[int, Counts]] = {}
        if new or taught:

            def read(tx: Tx) -> dict[int, dict[int, Counts]]:
                of_all = knowledge.counts(tx, [EVERYBODY], new) if new else {}
                return of_all | (knowledge.counts(tx, taught, tokens) if taught else {})

            found = await self._db.read(read)
        fresh = found.pop(EVERYBODY, {})
        remembered.update({token: fresh.get(token, _UNKNOWN) for token in new})
        known = {token: remembered[token] for token in tokens if token in remembered}
        return {EVERYBODY: known, **found}
