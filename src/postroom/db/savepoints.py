"""Units of a batch on SQLite: each in a savepoint, so that it fails alone."""

from typing import Any

import apsw

from postroom.db.connection import BROKEN, SqliteTx
from postroom.db.jobs import Job, run_unit
from postroom.db.workers import Outcome


class Lost(Exception):
    """The whole transaction is gone. ``doubtful``: or perhaps not; reopen and undo."""

    def __init__(self, error: apsw.Error, *, doubtful: bool) -> None:
        self.error = error
        self.doubtful = doubtful
        super().__init__(f"{type(error).__name__}: {error}")


def run_in_savepoint(connection: apsw.Connection, unit: list[Job]) -> list[Outcome]:
    """Run a unit; when a group raises, each of its items alone. Raises ``Lost``."""
    tx = SqliteTx(connection)
    _control(connection, "SAVEPOINT unit")
    try:
        results = run_unit(tx, unit)
    except BaseException as error:  # noqa: BLE001 - it belongs to the caller
        _go_back(connection, tx)
        if len(unit) == 1:
            return [Outcome(unit[0].future, None, error)]
        return [outcome for job in unit for outcome in run_in_savepoint(connection, [job])]
    _see_trouble(connection, tx)
    _control(connection, "RELEASE unit")
    return [_outcome(job, result) for job, result in zip(unit, results, strict=True)]


def _outcome(job: Job, result: Any) -> Outcome:
    if job.batch is not None and isinstance(result, Exception):
        return Outcome(job.future, None, result)
    return Outcome(job.future, result, None)


def _go_back(connection: apsw.Connection, tx: SqliteTx) -> None:
    _see_trouble(connection, tx)
    _control(connection, "ROLLBACK TO unit")
    _control(connection, "RELEASE unit")


def _see_trouble(connection: apsw.Connection, tx: SqliteTx) -> None:
    """SQLite may have rolled everything back, or must not be trusted any more."""
    if isinstance(tx.trouble, BROKEN):
        raise Lost(tx.trouble, doubtful=True)
    if not connection.in_transaction:
        raise Lost(tx.trouble or apsw.AbortError("the transaction ended early"), doubtful=False)


def _control(connection: apsw.Connection, sql: str) -> None:
    try:
        connection.execute(sql)
    except apsw.Error as error:
        raise Lost(error, doubtful=isinstance(error, BROKEN)) from error
