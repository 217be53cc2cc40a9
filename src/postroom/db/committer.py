"""Group commit on PostgreSQL: one thread that carries all ``submit`` items.

Each group of items for one batch function is one transaction; when its code raises, each
item is tried alone. When the connection is lost at COMMIT the outcome is unknown: before
anybody is told, a new connection waits for the old transaction to be over and undoes it.
When that can't be done now, it is done before anything else is written.
"""

import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from postroom.db.database import Tx
from postroom.db.jobs import Job, run_unit, units
from postroom.db.pump import Pump, all_failed
from postroom.db.workers import Outcome
from postroom.errors import StorageFailed
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble

_PATIENCE: Final = 10.0  # seconds for a lost transaction to end
_PAUSE: Final = 0.02

Undo = Callable[[Tx], None]
Run = Callable[[Callable[[Tx], Any]], Any]


class Disconnected(StorageFailed):
    """The connection was lost before COMMIT: nothing is changed."""


class Unknown(StorageFailed):
    """The connection was lost at COMMIT: everything or nothing is changed."""


class Connection(Protocol):
    """What the committer must know of its session."""

    xid: str

    def ended(self, xid: str) -> bool:
        """Whether a transaction of a lost connection is over."""

    def close(self) -> None:
        """Disconnect."""


class Committer:
    """``commit`` runs code in a transaction and tracks its id, ``write`` just runs it."""

    def __init__(self, connection: Connection, commit: Run, write: Run) -> None:
        self._connection = connection
        self._commit = commit
        self._write = write
        self._undo: list[tuple[str, list[Undo]]] = []
        self._pump = Pump("committer", self._batch, connection.close)
        self.put = self._pump.put

    async def close(self) -> None:
        """Finish what waits, then end."""
        await self._pump.close()

    def _batch(self, jobs: list[Job]) -> list[Outcome]:
        return [outcome for unit in units(jobs) for outcome in self._unit(unit)]

    def _unit(self, unit: list[Job]) -> list[Outcome]:
        try:
            self._undo_lost()
            self._connection.xid = ""
            results = self._commit(lambda tx: run_unit(tx, unit))
        except Unknown as error:
            self._lost(unit, error)
            return all_failed(unit, error)
        except StorageFailed as error:
            sink.emit(StorageTrouble(where="write", reason=error.detail))
            return all_failed(unit, error)
        except BaseException as error:  # noqa: BLE001 - it belongs to the caller
            if len(unit) == 1:
                return all_failed(unit, error)
            return [outcome for job in unit for outcome in self._unit([job])]
        return [
            Outcome(job.future, None, result)
            if isinstance(result, Exception)
            else Outcome(job.future, result, None)
            for job, result in zip(unit, results, strict=True)
        ]

    def _lost(self, unit: list[Job], error: StorageFailed) -> None:
        sink.emit(StorageTrouble(where="commit", reason=error.detail))
        undo = [job.undo for job in unit if job.undo is not None]
        self._undo.append((self._connection.xid, undo))
        try:
            self._undo_lost()
        except StorageFailed as failed:
            sink.emit(StorageTrouble(where="undo", reason=failed.detail))

    def _undo_lost(self) -> None:
        """Raises ``StorageFailed`` when it can't be done now."""
        while self._undo:
            xid, undos = self._undo[0]
            self._await_end(xid)
            for undo in undos:
                try:
                    self._write(undo)
                except StorageFailed:
                    raise
                except Exception as error:  # noqa: BLE001 - a mistake must not stop all mail
                    sink.emit(StorageTrouble(where="undo", reason=repr(error)))
            del self._undo[0]

    def _await_end(self, xid: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not self._connection.ended(xid):
            if time.monotonic() > end:
                raise StorageFailed(detail="a lost transaction is still in progress")
            time.sleep(_PAUSE)
