"""Sums of what happened, kept in memory and written to the database now and then.

At most so many kinds are kept between two writes; what is new beyond them is not counted, for
strangers can make up as many as they like.
"""

import itertools
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

from postroom.db.database import Database, Tx

T = TypeVar("T")

MOST_KINDS: Final = 5_000
CHUNK: Final = 1_000  # rows a write


class Tally(Generic[T]):
    """One a process and subject. A crash loses what was counted since the last ``flush``."""

    def __init__(self, db: Database, add: Callable[[Tx, Counter[T]], None]) -> None:
        """``add`` adds sums to what the database has."""
        self._db = db
        self._add = add
        self._counts: Counter[T] = Counter()

    def count(self, one: T) -> None:
        """One more of a kind."""
        if one in self._counts or len(self._counts) < MOST_KINDS:
            self._counts[one] += 1

    async def flush(self) -> None:
        """Add what was counted to the database. Raises MailError; what is left is kept."""
        counts, self._counts = self._counts, Counter()
        try:
            while counts:
                some = Counter(dict(itertools.islice(counts.items(), CHUNK)))
                await self._db.write(partial(self._written, some), bulk=True)
                counts -= some
        except BaseException:
            self._counts.update(counts)
            raise

    def _written(self, counts: Counter[T], tx: Tx) -> None:
        self._add(tx, counts)
