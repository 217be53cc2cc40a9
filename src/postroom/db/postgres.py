"""The database on PostgreSQL 14 or newer. The only module that knows psycopg.

Reads are REPEATABLE READ, so ``fn`` sees one state as on SQLite. Writes are SERIALIZABLE
and run again when PostgreSQL asks for it. Only ``submit`` batches: READ COMMITTED, its
code locks the rows it needs in the order of their ids.

A write whose rows every batch changes as well (a mailbox that letters pour into) would lose
each time. So when it runs again it first waits for its turn: batches share the lock of the
table ``turn``, a second attempt has it alone. LOCK does not freeze the snapshot yet.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import psycopg
from psycopg import conninfo, errors, pq
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.numeric import Int8Dumper

from postroom.db.committer import Committer, Disconnected, Unknown
from postroom.db.database import (
    ConstraintFailed,
    Engine,
    ItemT,
    ResultT,
    Row,
    StatementRefused,
    T,
    Tx,
)
from postroom.db.jobs import Job
from postroom.db.migrate import VERSIONS, Migration, available, migrate, words
from postroom.db.translate import translate
from postroom.db.workers import Workers
from postroom.errors import Refused, StorageFailed, StorageFull

READ: Final = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
WRITE: Final = b"BEGIN ISOLATION LEVEL SERIALIZABLE"
AGAIN: Final = WRITE + b"; LOCK TABLE turn IN EXCLUSIVE MODE"
BATCH: Final = b"BEGIN ISOLATION LEVEL READ COMMITTED; LOCK TABLE turn IN ROW SHARE MODE"

_ATTEMPTS: Final = 16
_OLDEST: Final = 140_000
MIGRATING: Final = 0x706F7374726F6F6D  # "postroom", key of the advisory lock
_WRITERS: Final = 4
_DEFAULTS: Final = {
    "connect_timeout": "5",
    "application_name": "postroom",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "tcp_user_timeout": "60000",
    "target_session_attrs": "read-write",
}


class _Again(Exception):
    """A serialisation failure or a deadlock: the same code may succeed in a minute."""


class _IntLoader(Loader):
    """Sums of bigint are numeric; on SQLite they are int."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data)
        return float(text) if b"." in text else int(text)


class _BoolLoader(Loader):
    """A condition in the list of results is 0 or 1, as on SQLite."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data) == b"t")


class _BoolDumper(Dumper):
    """There are no booleans in the schema."""

    oid = 20  # int8

    def dump(self, obj: Any) -> bytes:
        return b"1" if obj else b"0"


class PostgresTx:
    """``Tx`` on PostgreSQL. ``failure`` is the last error, even if ``fn`` hid it."""

    __slots__ = ("_connection", "_writes", "failure")

    def __init__(self, connection: psycopg.Connection[Row], *, writes: bool) -> None:
        self._connection = connection
        self._writes = writes
        self.failure: Exception | None = None

    @property
    def engine(self) -> Engine:
        return "postgres"

    def all(self, sql: str, /, **parameters: object) -> list[Row]:
        cursor = self._run(sql, parameters)
        return cursor.fetchall() if cursor.description else []

    def one(self, sql: str, /, **parameters: object) -> Row | None:
        cursor = self._run(sql, parameters)
        return cursor.fetchone() if cursor.description else None

    def execute(self, sql: str, /, **parameters: object) -> int:
        return max(0, self._run(sql, parameters).rowcount)

    def many(self, sql: str, rows: Iterable[Sequence[object]], /) -> None:
        """One round trip for all: psycopg sends them through a pipeline."""
        try:
            with self._connection.cursor() as cursor:
                cursor.executemany(translate(sql), rows)
        except psycopg.Error as error:
            raise self._failed(error) from error

    def _run(self, sql: str, parameters: dict[str, object]) -> psycopg.Cursor[Row]:
        try:
            return self._connection.execute(translate(sql), parameters)
        except psycopg.Error as error:
            raise self._failed(error) from error

    def _failed(self, error: psycopg.Error) -> Exception:
        self.failure = translated(error, writes=self._writes)
        return self.failure


def translated(error: psycopg.Error, *, writes: bool = True) -> Exception:
    """The exception of ours that says what a state package must know."""
    match error:
        case errors.SerializationFailure() | errors.DeadlockDetected():
            return _Again(str(error))
        case errors.DiskFull():
            return StorageFull(detail=str(error))
        case psycopg.IntegrityError():
            return ConstraintFailed(str(error))
        case psycopg.DataError() if "NUL (0x00)" in str(error):
            return ValueError("text must not hold NUL")
        case errors.ReadOnlySqlTransaction() if writes:
            return StorageFailed(detail=str(error))
        case (
            errors.ReadOnlySqlTransaction()
            | psycopg.ProgrammingError()
            | psycopg.DataError()
            | psycopg.NotSupportedError()
        ):
            return StatementRefused(str(error))
        case _:
            return StorageFailed(detail=str(error))


class Session:
    """One connection, made when needed and made anew when lost. Used by one thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Row] | None = None
        self.xid = ""

    def connected(self) -> psycopg.Connection[Row]:
        """The connection. Raises ``StorageFailed``."""
        if self._connection is None or self._connection.closed:
            try:
                self._connection = connect(self._url)
            except psycopg.Error as error:
                raise StorageFailed(detail=str(error)) from error
        return self._connection

    def run(self, fn: Callable[[Tx], T], begin: bytes, *, track: bool = False) -> T:
        """Run ``fn`` in a transaction, again when that may help.

        ``track`` remembers the transaction's id, to ask after it when its end is unknown.
        """
        reconnected = False
        attempt = 0
        while attempt < _ATTEMPTS:
            try:
                return self._once(fn, begin, track=track)
            except _Again:
                time.sleep(min(1 << attempt, 64) / 1000)
                attempt += 1
                begin = AGAIN if begin is WRITE else begin
            except Disconnected:
                if reconnected:
                    raise
                reconnected = True
        raise StorageFailed(detail="others kept changing the same rows")

    def _once(self, fn: Callable[[Tx], T], begin: bytes, *, track: bool) -> T:
        connection = self.connected()
        tx = PostgresTx(connection, writes=begin is not READ)
        try:
            connection.execute(begin)
            result = fn(tx)
            if track:
                row = connection.execute(b"SELECT pg_current_xact_id()::text").fetchone()
                self.xid = row[0] if row else ""
        except BaseException as error:
            raise self._undone(connection, tx, error) from error
        if connection.info.transaction_status != pq.TransactionStatus.INTRANS:
            failure = tx.failure or StorageFailed(detail="the transaction ended early")
            raise self._undone(connection, tx, failure)
        self._commit(connection)
        return result

    def _undone(
        self, connection: psycopg.Connection[Row], tx: PostgresTx, error: BaseException
    ) -> BaseException:
        """Roll back; what to raise."""
        if not connection.closed:
            with contextlib.suppress(psycopg.Error):
                connection.execute(b"ROLLBACK")
        if connection.closed:
            return Disconnected(detail=str(error))
        if isinstance(tx.failure, _Again):
            return tx.failure
        return translated(error) if isinstance(error, psycopg.Error) else error

    def _commit(self, connection: psycopg.Connection[Row]) -> None:
        try:
            said = connection.execute(b"COMMIT").statusmessage
        except psycopg.Error as error:
            if connection.closed:
                raise Unknown(detail=str(error)) from error
            with contextlib.suppress(psycopg.Error):
                connection.execute(b"ROLLBACK")
            raise translated(error) from error
        if said != "COMMIT":
            raise StorageFailed(detail=f"COMMIT was answered {said}")

    def ended(self, xid: str) -> bool:
        """Whether a transaction of a lost connection is over, either way."""
        if not xid:
            return True
        try:
            row = (
                self.connected()
                .execute(b"SELECT pg_xact_status(%s::text::xid8)", (xid,))
                .fetchone()
            )
        except errors.InvalidParameterValue:  # a server that never saw it
            return True
        except psycopg.Error as error:
            raise StorageFailed(detail=str(error)) from error
        return row is None or row[0] != "in progress"

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def connect(url: str) -> psycopg.Connection[Row]:
    """Connect with the settings that every connection has."""
    settings = {**_DEFAULTS, **conninfo.conninfo_to_dict(url)}
    full = conninfo.make_conninfo("", **{name: str(value) for name, value in settings.items()})
    connection = psycopg.connect(full, autocommit=True)
    try:
        connection.execute(
            b"SET client_encoding = 'UTF8'; SET lock_timeout = '30s';"
            b" SET idle_in_transaction_session_timeout = '60s'"
        )
    except BaseException:
        connection.close()
        raise
    connection.adapters.register_loader("numeric", _IntLoader)
    connection.adapters.register_loader("bool", _BoolLoader)
    connection.adapters.register_dumper(int, Int8Dumper)
    connection.adapters.register_dumper(bool, _BoolDumper)
    return connection


def verify(connection: psycopg.Connection[Row]) -> None:
    """Refuse a server that can't keep our promises."""
    if connection.info.server_version < _OLDEST:
        raise Refused(
            f"PostgreSQL {connection.info.server_version // 10_000} is too old: 14 is needed"
        )
    for setting, bad, why in (
        ("fsync", "off", "a power failure would lose mail"),
        ("synchronous_commit", "off", "a power failure would lose mail"),
        ("transaction_read_only", "on", "this server is a standby"),
    ):
        row = connection.execute(f"SHOW {setting}".encode()).fetchone()
        if row and row[0] == bad:
            raise Refused(f"PostgreSQL has {setting} = {bad}: {why}, change it")
    row = connection.execute(b"SHOW server_encoding").fetchone()
    if row and row[0] != "UTF8":
        raise Refused(f"the PostgreSQL database has the encoding {row[0]}: UTF8 is needed")


class PostgresTarget:
    """``Target`` on PostgreSQL. There is no snapshot: that is the site's own backup."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self._connection = connection

    @property
    def engine(self) -> Engine:
        return "postgres"

    def applied(self) -> dict[int, str]:
        self._connection.execute(words(VERSIONS, "postgres").encode())
        rows = self._connection.execute(b"SELECT version, name FROM schema_version").fetchall()
        return dict(rows)

    def snapshot(self, number: int) -> str:  # noqa: ARG002 - nothing to copy here
        return ""

    def transaction(self) -> contextlib.AbstractContextManager[object]:
        return self._connection.transaction()

    def apply(self, migration: Migration, sql: str, now_ms: int) -> None:
        self._connection.execute(sql.encode())
        self._connection.execute(
            b"INSERT INTO schema_version VALUES (%s, %s, %s)",
            (migration.number, migration.name, now_ms),
        )


class PostgresDatabase:
    """``Database`` over a server that ``open_postgres`` has checked and migrated."""

    def __init__(self, url: str, *, readers: int = 4) -> None:
        """Connections are made when they are first needed."""
        self._loop = asyncio.get_running_loop()
        session = functools.partial(Session, url)
        self._readers = Workers("reader", readers, session, Session.close)
        self._writers = Workers("writer", _WRITERS, session, Session.close)
        self._bulk = Workers("bulk", 1, session, Session.close)
        committing = Session(url)
        self._committer = Committer(
            committing,
            lambda fn: committing.run(fn, BATCH, track=True),
            lambda fn: committing.run(fn, WRITE),
        )

    @property
    def engine(self) -> Engine:
        return "postgres"

    async def read(self, fn: Callable[[Tx], T]) -> T:
        return await self._readers.run(lambda session: session.run(fn, READ))

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        workers = self._bulk if bulk else self._writers
        return await workers.run(lambda session: session.run(fn, WRITE))

    async def submit(
        self,
        batch: Callable[[Tx, Sequence[ItemT]], Sequence[ResultT | Exception]],
        item: ItemT,
        *,
        size: int = 0,
        undo: Callable[[Tx], None] | None = None,
    ) -> ResultT:
        future: asyncio.Future[ResultT] = self._loop.create_future()
        self._committer.put(Job(future, batch=batch, item=item, size=size, undo=undo))
        return await future

    async def close(self) -> None:
        for workers in (self._readers, self._bulk, self._writers):
            await workers.close()
        await self._committer.close()


async def open_postgres(url: str, *, readers: int, clock: Callable[[], int]) -> PostgresDatabase:
    """Check the server, migrate, open. Raises ``Refused``."""
    await asyncio.to_thread(_prepare, url, clock)
    return PostgresDatabase(url, readers=readers)


def _prepare(url: str, clock: Callable[[], int]) -> None:
    try:
        with contextlib.closing(connect(url)) as connection:
            verify(connection)
            connection.execute(b"SELECT pg_advisory_lock(%s)", (MIGRATING,))
            migrate(PostgresTarget(connection), available(), clock())
    except psycopg.Error as error:
        raise Refused(f"PostgreSQL can't be used: {str(error).strip()}") from error
