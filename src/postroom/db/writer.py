"""The one thread of a process that writes to SQLite: group commit.

It takes whatever waits, runs each unit in a savepoint, commits once and then resolves all
futures with one wake-up of the loop. ``data/write.lock`` is held for one batch, so servers
and commands share the data.

What a failure means:

| where | then |
|---|---|
| a statement (constraint, bug) | its own unit fails; a group is tried one by one |
| FULL, NOMEM and SQLite kept the transaction | its own unit fails |
| SQLite rolled the transaction back | all fail: FULL 452, else 451 |
| BEGIN | all fail, nothing was written |
| COMMIT with FULL | all fail with 452: the last WAL frame is not there |
| COMMIT with anything else, IOERR or CORRUPT anywhere | all fail with 451, after ``_recover`` |
| .. and ``_recover`` fails as well | ``OutcomeUnknown``: nobody is answered |

After a failed COMMIT the WAL may hold a whole commit frame that a later recovery would
replay: a letter answered 451 would appear after a crash (RFC 5321 §4.2.5). So ``_recover``
closes, opens, checks, undoes, and commits a write of its own over those frames *before*
the callers learn of the failure. When it can't, all writes are refused until it can.
"""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import apsw

from postroom.db.connection import BROKEN, SqliteTx, open_connection, translated
from postroom.db.database import Tx
from postroom.db.jobs import Job, units
from postroom.db.locks import FileLock
from postroom.db.pump import Pump, all_failed
from postroom.db.savepoints import Lost, run_in_savepoint
from postroom.db.workers import Outcome
from postroom.errors import OutcomeUnknown, StorageFailed, StorageFull, Temporary
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

_CHECK_SECONDS: Final = 20.0  # a longer quick_check is doctor's business
_CHECK_STEPS: Final = 100_000

Undo = Callable[[Tx], None]


class Writer:
    """The writer. ``put`` is called on the loop, everything else is its thread's."""

    def __init__(
        self,
        path: Path,
        *,
        vfs: str | None = None,
        wal_grew: Callable[[int], None] = lambda _pages: None,
        try_again: float = 5.0,
    ) -> None:
        """Open and start. ``wal_grew`` learns the pages in the WAL after each commit.

        ``try_again``: seconds between attempts to reopen a database that fails, more when
        an attempt takes long.
        """
        self._path = path
        self._vfs = vfs
        self._wal_grew = wal_grew
        self._lock = FileLock(path.parent / "write.lock")
        self._connection: apsw.Connection | None = None
        self._try_again = try_again
        self._next_try = 0.0
        self._undo: list[Undo] = []
        try:
            self._connection = self._open()
        except apsw.Error as error:
            self._lock.close()
            raise translated(error) from error
        self._pump = Pump("writer", self._locked, self._shut)
        self.put = self._pump.put

    async def close(self) -> None:
        """Finish what waits, then end."""
        await self._pump.close()
        self._lock.close()

    def _open(self) -> apsw.Connection:
        connection = open_connection(self._path, writes=True, vfs=self._vfs)
        connection.set_wal_hook(self._after_commit)
        return connection

    def _after_commit(self, _connection: apsw.Connection, _database: str, pages: int) -> int:
        self._wal_grew(pages)
        return apsw.SQLITE_OK

    def _shut(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(apsw.Error):
                self._connection.close()
            self._connection = None

    def _locked(self, jobs: list[Job]) -> list[Outcome]:
        with self._lock.hold():
            return self._batch(jobs)

    def _batch(self, jobs: list[Job]) -> list[Outcome]:
        connection = self._connection or self._reopened()
        if connection is None:
            return all_failed(jobs, StorageFailed(detail="the database is being repaired"))
        try:
            return _transaction(connection, jobs)
        except Lost as lost:
            sink.emit(StorageTrouble(where="write", reason=str(lost)))
            error = translated(lost.error)
            if not isinstance(error, StorageFull):
                error = StorageFailed(detail=str(lost))
            if lost.doubtful or not _rolled_back(connection):
                self._undo += [job.undo for job in jobs if job.undo is not None]
                self._recover()
                if self._connection is None:
                    error = OutcomeUnknown(detail=str(lost))
            return all_failed(jobs, error)
        finally:
            if self._connection is connection and not _rolled_back(connection):
                self._recover()

    def _reopened(self) -> apsw.Connection | None:
        if time.monotonic() >= self._next_try:
            self._recover()
        return self._connection

    def _recover(self) -> None:
        """Close, open, check, undo, write over what is left of the failed commit."""
        self._shut()
        began = time.monotonic()
        try:
            self._connection = self._repaired()
            self._undo.clear()
        except (apsw.Error, Temporary) as error:
            sink.emit(StorageTrouble(where="reopen", reason=str(error)))
        now = time.monotonic()
        self._next_try = now + self._try_again * max(1, 2 * (now - began))

    def _repaired(self) -> apsw.Connection:
        connection = self._open()
        try:
            _check(connection)
            self._write_over(connection)
        except BaseException:
            with contextlib.suppress(apsw.Error):
                connection.close()
            raise
        return connection

    def _write_over(self, connection: apsw.Connection) -> None:
        """``user_version`` counts the repairs: this commit always writes a page."""
        connection.execute("BEGIN IMMEDIATE")
        tx = SqliteTx(connection)
        for undo in self._undo:
            connection.execute("SAVEPOINT undo")
            try:
                undo(tx)
            except Temporary:
                raise
            except Exception as error:  # noqa: BLE001 - a mistake in it must not stop all mail
                sink.emit(StorageTrouble(where="undo", reason=repr(error)))
                connection.execute("ROLLBACK TO undo")
            connection.execute("RELEASE undo")
        (version,) = connection.execute("PRAGMA user_version").fetchone() or (0,)
        connection.execute(f"PRAGMA user_version = {(int(version) + 1) % 2**31}")
        connection.execute("COMMIT")


def _transaction(connection: apsw.Connection, jobs: list[Job]) -> list[Outcome]:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except apsw.Error as error:
        raise Lost(error, doubtful=isinstance(error, BROKEN)) from error
    outcomes: list[Outcome] = []
    for unit in units(jobs):
        outcomes += run_in_savepoint(connection, unit)
    try:
        connection.execute("COMMIT")
    except apsw.Error as error:
        raise Lost(error, doubtful=not isinstance(error, apsw.FullError)) from error
    return outcomes


def _rolled_back(connection: apsw.Connection) -> bool:
    """Leave no transaction open."""
    if connection.in_transaction:
        with contextlib.suppress(apsw.Error):
            connection.execute("ROLLBACK")
    return not connection.in_transaction


def _check(connection: apsw.Connection) -> None:
    """``quick_check``, but not for ever. Raises ``StorageFailed`` on damage."""
    end = time.monotonic() + _CHECK_SECONDS
    connection.set_progress_handler(lambda: time.monotonic() > end, _CHECK_STEPS)
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
    except apsw.InterruptError:
        return
    finally:
        connection.set_progress_handler(None)
    if found != ("ok",):
        raise StorageFailed(detail=f"quick_check: {found}")
