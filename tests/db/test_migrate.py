"""Numbered files: each once, in order, all or nothing."""

import asyncio
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from postroom.db.connection import open_connection
from postroom.db.folder import DATABASE
from postroom.db.migrate import Migration, SqliteTarget, available, migrate, pending, words
from postroom.db.open import open_database
from postroom.errors import Refused
from postroom.telemetry import sink
from postroom.telemetry.events import DatabaseMade, MigrationDone
from tests.conftest import Opener
from tests.db.faulty import disk
from tests.fakes import Recorder
from tests.powercut import Disk

ONE = Migration(1, "one", "CREATE TABLE a (id INTEGER) STRICT;")
TWO = Migration(2, "two", "CREATE TABLE b (id INTEGER) STRICT; INSERT INTO a VALUES (2);")
BAD = Migration(3, "bad", "CREATE TABLE c (id INTEGER) STRICT; INSERT INTO nowhere VALUES (1);")


def connect(data: Path, vfs: str | None = None) -> apsw.Connection:
    (data / DATABASE).touch()
    return open_connection(data / DATABASE, writes=True, vfs=vfs)


def tables(connection: apsw.Connection) -> set[str]:
    return {
        row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    }


def test_files_run_once_and_in_order(data: Path) -> None:
    recorder = Recorder()
    before = sink.install(recorder)
    try:
        with closing(connect(data)) as connection:
            target = SqliteTarget(connection, data)
            assert migrate(target, [ONE], 77) == 1
            assert migrate(target, [ONE, TWO], 77) == 1
            assert migrate(target, [ONE, TWO], 78) == 0
            assert target.applied() == {1: "one", 2: "two"}
            assert connection.execute("SELECT id FROM a").fetchall() == [(2,)]
            assert connection.execute("SELECT applied FROM schema_version").fetchall() == [
                (77,),
                (77,),
            ]
    finally:
        sink.install(before)
    assert [event.version for event in recorder.of(DatabaseMade)] == [1]
    assert [event.version for event in recorder.of(MigrationDone)] == [2]


def test_a_new_database_is_one_event(data: Path) -> None:
    recorder = Recorder()
    before = sink.install(recorder)
    try:
        with closing(connect(data)) as connection:
            assert migrate(SqliteTarget(connection, data), [ONE, TWO], 77) == 2
    finally:
        sink.install(before)
    assert recorder == [DatabaseMade(version=2)]


def test_rows_of_a_statement_do_not_stop_the_next(data: Path) -> None:
    asking = Migration(
        1, "asking", "CREATE TABLE a (id INTEGER) STRICT; SELECT 1; INSERT INTO a VALUES (1);"
    )
    with closing(connect(data)) as connection:
        migrate(SqliteTarget(connection, data), [asking], 0)
        assert connection.execute("SELECT id FROM a").fetchall() == [(1,)]


def test_a_new_database_is_made_whole_or_not_at_all(data: Path) -> None:
    with closing(connect(data)) as connection:
        target = SqliteTarget(connection, data)
        with pytest.raises(apsw.SQLError):
            migrate(target, [ONE, TWO, BAD], 0)
        assert tables(connection) == {"schema_version"}
        assert target.applied() == {}
        assert migrate(target, [ONE, TWO], 0) == 2


def test_a_file_that_fails_leaves_nothing_of_itself(data: Path) -> None:
    with closing(connect(data)) as connection:
        target = SqliteTarget(connection, data)
        migrate(target, [ONE], 0)
        with pytest.raises(apsw.SQLError):
            migrate(target, [ONE, TWO, BAD], 0)
        assert tables(connection) == {"schema_version", "a", "b"}
        assert target.applied() == {1: "one", 2: "two"}


def test_a_snapshot_is_taken_before_a_database_in_use_is_changed(data: Path) -> None:
    with closing(connect(data)) as connection:
        target = SqliteTarget(connection, data)
        migrate(target, [ONE], 0)
        assert not (data / "snapshots").exists()
        connection.execute("INSERT INTO a VALUES (1)")
        more = [
            Migration(n, f"m{n}", f"CREATE TABLE t{n} (id INTEGER) STRICT") for n in range(2, 8)
        ]
        for count in range(1, len(more) + 1):
            migrate(target, [ONE, *more[:count]], 0)
    names = sorted(path.name for path in (data / "snapshots").iterdir())
    assert names == ["before-0005.sqlite", "before-0006.sqlite", "before-0007.sqlite"]
    assert {path.stat().st_mode & 0o777 for path in (data / "snapshots").iterdir()} == {0o600}
    with closing(apsw.Connection(str(data / "snapshots" / names[-1]))) as snapshot:
        assert snapshot.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert snapshot.execute("SELECT id FROM a").fetchall() == [(1,)]
        assert "t6" in tables(snapshot)
        assert "t7" not in tables(snapshot)


def test_a_snapshot_survives_a_power_cut(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    power = Disk(monkeypatch)
    (data / "snapshots").mkdir()
    with closing(connect(data)) as connection:
        target = SqliteTarget(connection, data)
        migrate(target, [ONE], 0)
        migrate(target, [ONE, Migration(2, "two", "CREATE TABLE b (id INTEGER) STRICT")], 0)
    (snapshot,) = (data / "snapshots").iterdir()
    assert power.keeps(snapshot, data / "snapshots")


def test_a_newer_schema_is_refused(data: Path) -> None:
    with closing(connect(data)) as connection:
        target = SqliteTarget(connection, data)
        migrate(target, [ONE, TWO], 0)
        with pytest.raises(Refused, match="schema 2, this program knows 1"):
            migrate(target, [ONE], 0)
    assert pending([ONE, TWO], {1: "one"}) == [TWO]
    assert pending([], {}) == []


def test_every_operation_of_a_migration_fails_once(data: Path) -> None:
    """Threats F10: what is left is the schema before or after, and the next try ends it."""
    for k in range(1, 200):
        folder = data / str(k)
        folder.mkdir()
        with disk() as faulty:
            with closing(connect(folder, faulty.name)) as connection:
                target = SqliteTarget(connection, folder)
                migrate(target, [ONE], 0)
                connection.execute("INSERT INTO a VALUES (1)")
                faulty.fail(lambda number, _kind, k=k: number == k)  # type: ignore[misc]
                try:
                    migrate(target, [ONE, TWO], 0)
                except apsw.Error:
                    assert faulty.failed
                failed = faulty.failed
                faulty.work()
            with closing(connect(folder)) as connection:
                target = SqliteTarget(connection, folder)
                applied = target.applied()
                assert (2 in applied) == ("b" in tables(connection))
                migrate(target, [ONE, TWO], 0)
                assert connection.execute("SELECT id FROM a ORDER BY 1").fetchall() == [(1,), (2,)]
        if not failed:
            break
    else:
        pytest.fail("never came to the end of a migration")
    assert k > 5


def test_words_of_postgres() -> None:
    sql = (
        "-- INTEGER in a comment\n"
        "CREATE TABLE blob (id INTEGER PRIMARY KEY, text TEXT NOT NULL DEFAULT 'BLOB TEXT',\n"
        "  octets BLOB) STRICT;\n"
        "CREATE TABLE b (id INTEGER, PRIMARY KEY (id)\n) STRICT, WITHOUT ROWID;\n"
    )
    assert words(sql, "sqlite") == sql
    assert words(sql, "postgres") == (
        "-- INTEGER in a comment\n"
        'CREATE TABLE blob (id BIGINT PRIMARY KEY, text TEXT COLLATE "C" NOT NULL DEFAULT'
        " 'BLOB TEXT',\n  octets BYTEA);\n"
        "CREATE TABLE b (id BIGINT, PRIMARY KEY (id)\n);\n"
    )


def test_sections_for_one_engine() -> None:
    sql = "a\n-- only sqlite\nb INTEGER\n-- end\n-- only postgres\nc INTEGER\n-- end\nd\n"
    assert words(sql, "sqlite") == "a\nb INTEGER\nd\n"
    assert words(sql, "postgres") == "a\nc BIGINT\nd\n"


def test_the_programs_own_files_are_numbered_without_gaps() -> None:
    numbers = [migration.number for migration in available()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) >= 4


def test_both_engines_have_the_same_tables_and_columns(database: Opener, data: Path) -> None:
    listing = {
        "sqlite": "SELECT t.name, c.name FROM sqlite_schema AS t, pragma_table_info(t.name) AS c"
        " WHERE t.type = 'table'",
        "postgres": "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public'",
    }

    async def columns(opener: Opener) -> set[tuple[str, str]]:
        async with opener() as db:
            return {
                (str(table), str(column))
                for table, column in await db.read(lambda tx: tx.all(listing[tx.engine]))
            }

    async def go() -> None:
        sqlite = await open_database(data)
        expected = set(await sqlite.read(lambda tx: tx.all(listing["sqlite"])))
        await sqlite.close()
        assert await columns(database) == expected

    asyncio.run(go())
