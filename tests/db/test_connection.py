"""Every connection has the settings that the promises need."""

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from postroom.db.connection import SqliteTx, open_connection, translated
from postroom.db.database import ConstraintFailed, StatementRefused
from postroom.errors import StorageFailed, StorageFull


@pytest.mark.parametrize("writes", [True, False])
def test_settings(path: Path, writes: bool) -> None:
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "query_only": int(not writes),
    }
    with closing(open_connection(path, writes=writes)) as connection:
        found = {
            name: (connection.execute(f"PRAGMA {name}").fetchone() or (None,))[0]
            for name in expected
        }
    assert found == expected


def test_a_missing_file_is_not_made(data: Path) -> None:
    with pytest.raises(apsw.CantOpenError):
        open_connection(data / "missing", writes=True)


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (apsw.ConstraintError(), ConstraintFailed),
        (apsw.SQLError(), StatementRefused),
        (apsw.MismatchError(), StatementRefused),
        (apsw.ReadOnlyError(), StatementRefused),
        (apsw.FullError(), StorageFull),
        (apsw.IOError(), StorageFailed),
        (apsw.NoMemError(), StorageFailed),
        (apsw.CorruptError(), StorageFailed),
        (apsw.NotADBError(), StorageFailed),
        (apsw.BusyError(), StorageFailed),
    ],
)
def test_errors_in_our_words(error: apsw.Error, ours: type[Exception]) -> None:
    assert type(translated(error)) is ours


def test_execute_counts_its_own_rows_only(path: Path) -> None:
    with closing(open_connection(path, writes=True)) as connection:
        tx = SqliteTx(connection)
        tx.execute("CREATE TABLE t (id INTEGER) STRICT")
        assert tx.execute("INSERT INTO t VALUES (1), (2)") == 2
        assert tx.execute("CREATE TABLE other (id INTEGER) STRICT") == 0
        assert tx.execute("UPDATE t SET id = 3 WHERE id = 9") == 0
        assert tx.trouble is None


def test_a_value_of_the_wrong_type_is_refused(path: Path) -> None:
    with closing(open_connection(path, writes=True)) as connection:
        tx = SqliteTx(connection)
        tx.execute("CREATE TABLE t (id INTEGER, name TEXT) STRICT")
        with pytest.raises(StatementRefused):
            tx.execute("INSERT INTO t VALUES (1, :name)", name=b"octets")


@pytest.mark.parametrize("count", [0, 1, 2, 33, 100])
def test_many_runs_every_row_of_a_list_whatever_the_statement(path: Path, count: int) -> None:
    with closing(open_connection(path, writes=True)) as connection:
        tx = SqliteTx(connection)
        tx.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT) STRICT")
        tx.many("INSERT INTO t (id, name) VALUES (?, ?)", [(n, "new") for n in range(count)])
        tx.many("UPDATE t SET name = ? WHERE id = ?", [(f"n{n}", n) for n in range(count)])
        assert tx.all("SELECT id, name FROM t ORDER BY id") == [(n, f"n{n}") for n in range(count)]
        tx.many("DELETE FROM t WHERE id = ?", [(n,) for n in range(count)])
        assert tx.one("SELECT count(*) FROM t") == (0,)


@pytest.mark.parametrize("count", [1, 3, 31])
def test_many_inserts_with_parameters_wherever_they_stand(path: Path, count: int) -> None:
    with closing(open_connection(path, writes=True)) as connection:
        tx = SqliteTx(connection)
        tx.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, name TEXT) STRICT")
        tx.many("INSERT INTO t VALUES (?, 7, ?)", ((n, f"n{n}") for n in range(count)))
        again = "INSERT INTO t (id, n, name) VALUES (?, 0, '') ON CONFLICT (id) DO UPDATE SET n = ?"
        tx.many(again, [(n, 10 * n) for n in range(count)])
        tx.many(
            "INSERT INTO t (id, n, name) VALUES (?, ?, '') ON CONFLICT (id) DO UPDATE"
            " SET n = t.n + excluded.n",
            [(0, 1)] * count,  # the same row again and again
        )
        found = tx.all("SELECT id, n, name FROM t ORDER BY id")
        assert found == [(n, 10 * n + (count if n == 0 else 0), f"n{n}") for n in range(count)]


def test_one_bad_row_of_many_is_an_error(path: Path) -> None:
    with closing(open_connection(path, writes=True)) as connection:
        tx = SqliteTx(connection)
        tx.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT")
        with pytest.raises(ConstraintFailed):
            tx.many("INSERT INTO t (id, name) VALUES (?, ?)", [(1, "a"), (1, "b"), (2, "c")])
        with pytest.raises(StatementRefused):
            tx.many("INSERT INTO t (id, name) VALUES (?, ?)", [(3, "a"), (4,)])
