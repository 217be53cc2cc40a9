"""The interface of the database: what state packages may ask of it.

``fn(tx)`` is plain synchronous code with plain SQL. It has no effect outside ``tx`` and
may run twice (a serialisation failure on PostgreSQL, a retried batch on SQLite). Named
parameters are written ``:name``, positional ones (``many``, ``rows``) ``?``; both engines
take the same text. ``instr(a, b)`` tells where b stands in a, 0 for nowhere. No LIKE, no implicit casts, no ``::``; a parameter that is only
compared with NULL has no type on PostgreSQL (leave that to Python). A statement that failed
ends the transaction: let the exception pass, or avoid it with ``ON CONFLICT``.
Sums, counts, booleans come back as int on both engines.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, TypeVar

Row = tuple[Any, ...]
Engine = Literal["sqlite", "postgres"]

T = TypeVar("T")
ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


class ConstraintFailed(Exception):
    """A UNIQUE, CHECK, NOT NULL or FOREIGN KEY constraint refused the statement."""


class StatementRefused(Exception):
    """The statement or its parameters are wrong, or it writes in a read: our mistake."""


class Tx(Protocol):
    """One transaction, handed to ``fn``. Use it in ``fn`` only."""

    @property
    def engine(self) -> Engine:
        """For the few statements that differ by engine."""

    def all(self, sql: str, /, **parameters: object) -> list[Row]:
        """Every row of a query (also of ``.. RETURNING``)."""

    def one(self, sql: str, /, **parameters: object) -> Row | None:
        """The first row, or None."""

    def execute(self, sql: str, /, **parameters: object) -> int:
        """Run a statement; the number of rows it changed."""

    def many(self, sql: str, rows: Iterable[Sequence[object]], /) -> None:
        """Run a statement with ``?`` parameters once a row."""


def number(tx: Tx, sql: str, /, **parameters: object) -> int:
    """The one number that a query finds; 0 where that is no row, or NULL."""
    row = tx.one(sql, **parameters)
    return int(row[0] or 0) if row else 0


class Database(Protocol):
    """SQLite or PostgreSQL. Closed with ``close``; all waiting writes are finished first."""

    @property
    def engine(self) -> Engine:
        """Which engine is behind."""

    async def read(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` in a read transaction on a reader; writes in it fail."""

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        """Run ``fn`` in a write transaction; returns once it is on stable storage.

        Raises what ``fn`` raised (nothing is changed then), ``StorageFull`` or
        ``StorageFailed``. ``bulk`` takes the lower lane: for long work in chunks.
        """

    async def submit(
        self,
        batch: Callable[[Tx, Sequence[ItemT]], Sequence[ResultT | Exception]],
        item: ItemT,
        *,
        size: int = 0,
        undo: Callable[[Tx], None] | None = None,
    ) -> ResultT:
        """Group commit of rows: all items that wait for the same ``batch`` go in one call.

        ``batch(tx, items)`` answers one result an item; an exception in that list is
        raised to its own caller (the batch must then have left no rows of that item).
        When ``batch`` itself raises, each item is tried alone. ``size`` in octets bounds
        a batch. Returns once the result is on stable storage.

        ``undo`` removes what the item may have left. It runs before ``StorageFailed`` is
        raised and before any other write, when the outcome of the commit is unknown: what
        was refused must not appear later (RFC 5321 §4.2.5). It may find nothing.
        """

    async def close(self) -> None:
        """Finish what waits, then close every connection."""
