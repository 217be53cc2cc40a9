"""What is PostgreSQL's own: settings, lost connections, serialisation, unknown ends."""

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psycopg
import pytest

from postroom.db import postgres
from postroom.db.committer import Committer, Unknown
from postroom.db.database import Row, Tx
from postroom.db.jobs import Job
from postroom.db.open import open_database
from postroom.db.postgres import BATCH, READ, WRITE, PostgresDatabase, Session
from postroom.errors import Refused, StorageFailed, StorageFull
from tests.databases import renamed

_numbers = itertools.count(1)


@pytest.fixture(params=["postgres"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a fresh, empty database; left out as ``tests.conftest`` does it."""
    server: str = request.getfixturevalue("postgres")
    name = f"p{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
        yield renamed(server, name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def url(database: str) -> str:
    return database


@pytest.fixture
def table(url: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(b"CREATE TABLE t (id bigint PRIMARY KEY, value bigint)")
        connection.execute(b"CREATE TABLE turn (nothing bigint NOT NULL)")
    return url


def run(url: str, test: Callable[[PostgresDatabase], object]) -> None:
    async def go() -> None:
        db = PostgresDatabase(url)
        try:
            await test(db)  # type: ignore[misc]
        finally:
            await db.close()

    asyncio.run(go())


def outside(url: str, sql: str) -> list[Row]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def cut(url: str) -> None:
    """End every other connection of the database."""
    outside(
        url,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def add(number: int) -> Callable[[Tx], int]:
    return lambda tx: tx.execute("INSERT INTO t (id) VALUES (:id)", id=number)


def insert(tx: Tx, items: Sequence[int]) -> Sequence[int]:
    tx.many("INSERT INTO t (id) VALUES (?)", [(item,) for item in items])
    return items


def ids(url: str) -> list[int]:
    return [row[0] for row in outside(url, "SELECT id FROM t ORDER BY id")]


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ("synchronous_commit = off", "synchronous_commit = off: a power failure"),
        ("default_transaction_read_only = on", "read-only|standby"),
    ],
)
def test_a_server_that_can_not_keep_promises_is_refused(
    url: str, data: Path, setting: str, match: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET {setting}".encode())

    async def go() -> None:
        with pytest.raises(Refused, match=match):
            await open_database(data, url)

    asyncio.run(go())


def test_a_server_that_is_not_there_is_refused(data: Path) -> None:
    async def go() -> None:
        with pytest.raises(Refused, match="PostgreSQL can't be used"):
            await open_database(data, f"postgresql://x@/x?host={data}")

    asyncio.run(go())


def test_two_may_migrate_at_once(url: str, data: Path) -> None:
    async def go() -> None:
        both = await asyncio.gather(open_database(data, url), open_database(data, url))
        for db in both:
            await db.close()

    asyncio.run(go())


def test_a_newer_schema_is_refused(url: str, data: Path) -> None:
    async def go() -> None:
        db = await open_database(data, url)
        await db.write(
            lambda tx: tx.execute("INSERT INTO schema_version VALUES (9999, 'future', 0)")
        )
        await db.close()
        with pytest.raises(Refused, match="newer Postroom"):
            await open_database(data, url)

    asyncio.run(go())


def test_a_connection_lost_between_is_made_anew(table: str) -> None:
    async def test(db: PostgresDatabase) -> None:
        for number in range(3):
            await db.write(add(number))
            await db.submit(insert, number + 10)
            assert await db.read(lambda tx: tx.one("SELECT 1")) == (1,)
            await asyncio.to_thread(cut, table)

    run(table, test)
    assert ids(table) == [0, 1, 2, 10, 11, 12]


def test_a_connection_lost_in_the_middle_runs_the_code_again(table: str) -> None:
    runs: list[int] = []

    def write(tx: Tx) -> int:
        runs.append(1)
        add(len(runs))(tx)
        if len(runs) == 1:
            cut(table)
        return add(7)(tx)

    async def test(db: PostgresDatabase) -> None:
        assert await db.write(write) == 1

    run(table, test)
    assert ids(table) == [2, 7]


def test_a_connection_that_is_always_lost_fails(table: str) -> None:
    def write(tx: Tx) -> int:
        cut(table)
        return add(7)(tx)

    async def test(db: PostgresDatabase) -> None:
        with pytest.raises(StorageFailed):
            await db.write(write)
        assert await db.write(add(1)) == 1

    run(table, test)
    assert ids(table) == [1]


def test_code_that_hides_a_failure_gets_no_commit(table: str) -> None:
    def write(tx: Tx) -> None:
        add(1)(tx)
        try:
            add(1)(tx)
        except Exception:  # noqa: BLE001
            return

    async def test(db: PostgresDatabase) -> None:
        with pytest.raises(Exception, match="duplicate key"):
            await db.write(write)

    run(table, test)
    assert ids(table) == []


def test_rows_that_others_keep_changing_end_in_a_failure(table: str) -> None:
    outside(table, "INSERT INTO t VALUES (1, 0)")
    tries: list[int] = []

    def write(tx: Tx) -> None:
        tries.append(1)
        tx.one("SELECT value FROM t")
        outside(table, "UPDATE t SET value = value + 1")
        tx.execute("UPDATE t SET value = 0")

    async def test(db: PostgresDatabase) -> None:
        with pytest.raises(StorageFailed, match="others kept changing"):
            await db.write(write)

    run(table, test)
    assert outside(table, "SELECT value FROM t") == [(len(tries),)]
    assert len(tries) == 16


def test_a_write_has_its_turn_among_batches(table: str) -> None:
    """Batches that never end change its row each time; from the second attempt on they wait."""
    outside(table, "INSERT INTO t VALUES (1, 0)")
    committed = threading.Event()
    tries: list[int] = []

    def count(tx: Tx, items: Sequence[int]) -> Sequence[int]:
        tx.execute("UPDATE t SET value = value + 1")
        return items

    def write(tx: Tx) -> None:
        tries.append(1)
        tx.one("SELECT value FROM t")
        committed.clear()
        committed.wait(60 if len(tries) == 1 else 0.5)  # a batch gets in between, if it can
        tx.execute("UPDATE t SET value = value + 1000")

    async def test(db: PostgresDatabase) -> None:
        writing = asyncio.ensure_future(db.write(write))
        batches = 0
        while not writing.done():
            await db.submit(count, 1)
            committed.set()
            batches += 1
        await writing
        assert outside(table, "SELECT value FROM t") == [(1000 + batches,)]
        assert len(tries) == 2

    run(table, test)


class LosingSession(Session):
    """Loses the connection at the chosen COMMIT: after it was done, or before."""

    lose = ""

    def _commit(self, connection: psycopg.Connection[Row]) -> None:
        lose, self.lose = self.lose, ""
        if lose == "after":
            super()._commit(connection)
        if lose:
            connection.close()
            raise Unknown(detail=f"lost {lose} COMMIT")
        super()._commit(connection)


@pytest.mark.parametrize("lose", ["before", "after"])
def test_an_unknown_end_never_appears_later(table: str, lose: str) -> None:
    """RFC 5321 §4.2.5: what was answered 451 is not filed after all."""

    async def go() -> None:
        session = LosingSession(table)
        committer = Committer(
            session,
            lambda fn: session.run(fn, BATCH, track=True),
            lambda fn: session.run(fn, WRITE),
        )
        loop = asyncio.get_running_loop()
        for number in (1, 2, 3):
            future: asyncio.Future[int] = loop.create_future()

            def undo(tx: Tx, number: int = number) -> None:
                tx.execute("DELETE FROM t WHERE id = :id", id=number)

            session.lose = lose if number == 2 else ""
            committer.put(Job(future, batch=insert, item=number, undo=undo))
            await asyncio.wait([future])
            assert isinstance(future.exception(), Unknown if number == 2 else type(None))
            assert ids(table) == [n for n in range(1, number + 1) if n != 2]
        await committer.close()

    asyncio.run(go())


def test_transactions_end(table: str) -> None:
    session = Session(table)
    assert session.ended("")
    session.run(add(1), BATCH, track=True)
    assert session.ended(session.xid)
    assert session.ended(str(2**40))  # of another server's history
    with psycopg.connect(table) as other:
        row = other.execute(b"SELECT pg_current_xact_id()::text").fetchone()
        assert row is not None
        assert not session.ended(row[0])
    assert session.ended(row[0])
    session.close()


def test_values_out_of_range_and_a_full_disk() -> None:
    assert isinstance(postgres.translated(psycopg.errors.DiskFull()), StorageFull)
    assert isinstance(postgres.translated(psycopg.OperationalError()), StorageFailed)
    assert isinstance(
        postgres.translated(psycopg.errors.ReadOnlySqlTransaction(), writes=True), StorageFailed
    )


def test_reads_are_read_only_and_see_one_state(table: str) -> None:
    session = Session(table)

    def read(tx: Tx) -> list[Row]:
        before = tx.all("SELECT id FROM t")
        outside(table, "INSERT INTO t VALUES (1)")
        assert tx.all("SELECT id FROM t") == before
        return before

    assert session.run(read, READ) == []
    session.close()
