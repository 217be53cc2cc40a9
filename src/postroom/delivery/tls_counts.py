"""Counts how TLS went, in memory, and writes the sums now and then (RFC 8460 §4)."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from postroom.db.database import Database
from postroom.ledger import tls_results
from postroom.ledger.tls_results import DAY_MS, Result
from postroom.mailauth.tlsrpt import Failure, Policy, ResultType

MOST_KINDS: Final = 5_000  # of results between two writes; hosts could be made up


class TlsCounts:
    """One a process. A crash loses what was counted since the last ``flush``."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self.now = clock
        self._db = db
        self._counts: Counter[Result] = Counter()

    def count(self, policy: Policy, host: str, failure: ResultType | None, detail: str) -> None:
        """One session; ``failure`` None: as it should be."""
        if len(self._counts) >= MOST_KINDS:
            return
        told = None
        if failure is not None:
            told = Failure(
                result_type=failure,
                receiving_mx_hostname=host,
                additional_information=detail[:200],
            )
        day = self.now() // DAY_MS
        self._counts[Result(day, policy.policy_domain, policy, told)] += 1

    async def flush(self) -> None:
        """Add what was counted to the database."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self._db.write(lambda tx: tls_results.add(tx, counts), bulk=True)
        except BaseException:
            self._counts.update(counts)
            raise
