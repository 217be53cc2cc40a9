"""Counts how TLS went, and writes the sums now and then (RFC 8460 §4)."""

from collections.abc import Callable

from postroom.db.database import Database
from postroom.ledger import tls_results
from postroom.ledger.tally import Tally
from postroom.ledger.tls_results import DAY_MS, Result
from postroom.mailauth.tlsrpt import Policy, ResultType


class TlsCounts:
    """One a process. A crash loses what was counted since the last ``flush``."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self.now = clock
        self._tally: Tally[Result] = Tally(db, tls_results.add)
        self.flush = self._tally.flush

    def count(self, policy: Policy, host: str, failure: ResultType | None, detail: str) -> None:
        """One session; ``failure`` None: as it should be."""
        day = self.now() // DAY_MS
        self._tally.count(tls_results.result(day, policy, host, failure, detail))
