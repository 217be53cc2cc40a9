"""Counts how TLS went, in memory, and writes the sums now and then (RFC 8460 §4).

At most so many kinds of results are kept between two writes; what is new beyond them is not
counted, for strangers can make up hosts and policies.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from postroom.db.database import Database, Tx
from postroom.ledger import tls_results
from postroom.ledger.tls_results import DAY_MS, Result
from postroom.mailauth.tlsrpt import Policy, ResultType

MOST_KINDS: Final = 5_000
CHUNK: Final = 1_000  # rows a write


class TlsCounts:
    """One a process. A crash loses what was counted since the last ``flush``."""

    def __init__(self, db: Database, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self.now = clock
        self._db = db
        self._counts: Counter[Result] = Counter()

    def count(self, policy: Policy, host: str, failure: ResultType | None, detail: str) -> None:
        """One session; ``failure`` None: as it should be."""
        one = tls_results.result(self.now() // DAY_MS, policy, host, failure, detail)
        if one in self._counts or len(self._counts) < MOST_KINDS:
            self._counts[one] += 1

    async def flush(self) -> None:
        """Add what was counted to the database. Raises MailError; what is left is kept."""
        counts, self._counts = self._counts, Counter()
        try:
            while counts:
                some = Counter(dict(itertools.islice(counts.items(), CHUNK)))
                await self._db.write(partial(_add, some), bulk=True)
                counts -= some
        except BaseException:
            self._counts.update(counts)
            raise


def _add(counts: Counter[Result], tx: Tx) -> None:
    tls_results.add(tx, counts)
