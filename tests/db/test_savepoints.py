"""Units in savepoints: what fails, fails alone, unless SQLite took all with it."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from postroom.db.database import ConstraintFailed, Tx
from postroom.db.jobs import Job
from postroom.db.savepoints import Lost, run_in_savepoint
from postroom.errors import StorageFull
from tests.db.faulty import disk


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def connection() -> Iterator[apsw.Connection]:
    with closing(apsw.Connection(":memory:")) as connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, octets BLOB) STRICT")
        connection.execute("BEGIN")
        yield connection


def insert(tx: Tx, items: Sequence[int]) -> Sequence[int]:
    tx.many("INSERT INTO t (id) VALUES (?)", [(item,) for item in items])
    return items


def ids(connection: apsw.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM t ORDER BY id")]


def test_a_group_falls_apart_when_one_item_is_bad(
    loop: asyncio.AbstractEventLoop, connection: apsw.Connection
) -> None:
    unit = [Job(loop.create_future(), batch=insert, item=n) for n in (1, 2, 1, 3)]
    outcomes = run_in_savepoint(connection, unit)
    assert [outcome.future for outcome in outcomes] == [job.future for job in unit]
    assert [outcome.result for outcome in outcomes] == [1, 2, None, 3]
    assert isinstance(outcomes[2].error, ConstraintFailed)
    assert ids(connection) == [1, 2, 3]
    assert connection.in_transaction


def test_a_write_may_return_an_exception_as_its_result(
    loop: asyncio.AbstractEventLoop, connection: apsw.Connection
) -> None:
    error = LookupError()
    (outcome,) = run_in_savepoint(connection, [Job(loop.create_future(), fn=lambda _tx: error)])
    assert outcome.result is error
    assert outcome.error is None


def test_a_full_disk_may_fail_one_unit_only(
    loop: asyncio.AbstractEventLoop, connection: apsw.Connection
) -> None:
    connection.execute("COMMIT")
    connection.execute("PRAGMA max_page_count = 10")
    connection.execute("BEGIN")

    def large(tx: Tx) -> None:  # a statement with a journal of its own can be undone alone
        tx.execute("INSERT INTO t SELECT value, zeroblob(20000) FROM json_each('[1,2,3]')")

    (first,) = run_in_savepoint(connection, [Job(loop.create_future(), fn=large)])
    assert isinstance(first.error, StorageFull)
    run_in_savepoint(connection, [Job(loop.create_future(), batch=insert, item=2)])
    connection.execute("COMMIT")
    assert ids(connection) == [2]


def test_a_full_disk_may_fail_all(
    loop: asyncio.AbstractEventLoop, connection: apsw.Connection
) -> None:
    connection.execute("COMMIT")
    connection.execute("PRAGMA max_page_count = 10")
    connection.execute("BEGIN")

    def large(tx: Tx) -> None:
        tx.execute("INSERT INTO t VALUES (1, zeroblob(1000000))")

    with pytest.raises(Lost) as caught:
        run_in_savepoint(connection, [Job(loop.create_future(), fn=large)])
    assert isinstance(caught.value.error, apsw.FullError)
    assert not caught.value.doubtful


def test_a_transaction_that_ended_fails_all(
    loop: asyncio.AbstractEventLoop, connection: apsw.Connection
) -> None:
    with pytest.raises(Lost) as caught:
        run_in_savepoint(
            connection, [Job(loop.create_future(), fn=lambda tx: tx.execute("ROLLBACK"))]
        )
    assert not caught.value.doubtful


def test_an_input_output_error_fails_all_even_when_hidden(
    loop: asyncio.AbstractEventLoop, data: Path
) -> None:
    with disk() as faulty, closing(apsw.Connection(str(data / "db"), vfs=faulty.name)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA cache_size = 10")
        db.execute("CREATE TABLE t (octets)")
        db.execute("BEGIN")
        faulty.fail(lambda _number, _kind: True)

        def careless(tx: Tx) -> None:
            try:
                tx.execute("INSERT INTO t VALUES (zeroblob(1000000))")
            except Exception:  # noqa: BLE001
                return

        with pytest.raises(Lost) as caught:
            run_in_savepoint(db, [Job(loop.create_future(), fn=careless)])
        assert caught.value.doubtful
        faulty.work()
