"""A WAL that is as long from the start as it will be."""

import resource
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from postroom.db.connection import open_connection
from postroom.db.reserve import STEP, reserve

LENGTH = 3 * STEP + 5


@pytest.fixture
def writer(path: Path) -> Iterator[apsw.Connection]:
    with closing(open_connection(path, writes=True)) as connection:
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, octets BLOB) STRICT")
        yield connection


@pytest.fixture
def other(path: Path, writer: apsw.Connection) -> Iterator[apsw.Connection]:
    with closing(open_connection(path, writes=True)) as connection:
        connection.set_busy_timeout(0)
        yield connection


def wal(path: Path) -> Path:
    return path.with_name("db-wal")


def add(connection: apsw.Connection, count: int = 1) -> None:
    for _ in range(count):
        connection.execute("INSERT INTO t (octets) VALUES (randomblob(3000))")


def after_a_kill(path: Path, cut: int | None = None) -> int:
    """How many rows a new process finds; ``cut``: the WAL holds zeros from there on."""
    folder = path.parent / "killed"
    folder.mkdir()
    for file in (path, wal(path)):
        shutil.copy(file, folder)
    if cut is not None:
        octets = wal(path).read_bytes()
        wal(folder / "db").write_bytes(octets[:cut] + bytes(len(octets) - cut))
    with closing(open_connection(folder / "db", writes=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        count = len(connection.execute("SELECT n FROM t").fetchall())
    shutil.rmtree(folder)
    return count


def test_commits_overwrite_and_are_there_after_a_kill(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    add(writer, 10)
    reserve(other, path, LENGTH)
    assert wal(path).stat().st_size == LENGTH
    assert after_a_kill(path) == 10
    for count in range(11, 30):
        add(writer)
        assert after_a_kill(path) == count
    assert wal(path).stat().st_size == LENGTH


def test_it_grows_beyond_the_end_as_any_wal(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    reserve(other, path, STEP)
    add(writer, 300)
    assert wal(path).stat().st_size > STEP
    assert after_a_kill(path) == 300


def test_a_commit_that_was_cut_off_over_zeros_is_not_there(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    add(writer, 5)
    end = wal(path).stat().st_size
    reserve(other, path, LENGTH)
    add(writer)
    assert after_a_kill(path) == 6
    for more in (0, 1, 23, 24, 500, 4119):
        assert after_a_kill(path, cut=end + more) == 5


def test_a_wal_that_begins_anew_keeps_its_length(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    add(writer, 20)
    reserve(other, path, LENGTH)
    other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
    assert after_a_kill(path) == 20
    add(writer, 3)
    assert wal(path).stat().st_size == LENGTH
    assert after_a_kill(path) == 23


def test_an_empty_wal_of_zeros_says_nothing(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    add(writer, 4)
    other.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    reserve(other, path, LENGTH)
    assert wal(path).read_bytes() == bytes(LENGTH)
    assert after_a_kill(path) == 4
    add(writer)
    assert after_a_kill(path) == 5


def test_a_wal_that_is_long_enough_stays_as_it_is(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    add(writer, 3)
    size = wal(path).stat().st_size
    reserve(other, path, size)
    reserve(other, path, 100)
    assert wal(path).stat().st_size == size


def test_scarce_room_is_left_to_letters(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    size = wal(path).stat().st_size
    reserve(other, path, shutil.disk_usage(path.parent).free // 8)
    assert wal(path).stat().st_size == size


def test_nothing_is_written_beside_a_writer(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    writer.execute("BEGIN IMMEDIATE")
    add(writer)
    size = wal(path).stat().st_size
    with pytest.raises(apsw.BusyError):
        reserve(other, path, LENGTH)
    assert wal(path).stat().st_size == size
    writer.execute("COMMIT")
    assert after_a_kill(path) == 1


def test_a_disk_that_refuses_leaves_the_wal_as_it_was(
    path: Path, writer: apsw.Connection, other: apsw.Connection
) -> None:
    add(writer, 3)
    size = wal(path).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            reserve(other, path, LENGTH)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert wal(path).stat().st_size == size
    assert not other.in_transaction
    add(writer)
    assert after_a_kill(path) == 4


def test_a_busy_writer_beside_it_loses_nothing(path: Path, writer: apsw.Connection) -> None:
    stop = threading.Event()

    def reserves() -> None:
        with closing(open_connection(path, writes=True)) as connection:
            reserve(connection, path, 16 * STEP)
        stop.set()

    thread = threading.Thread(target=reserves)
    thread.start()
    count = 0
    while not stop.is_set() or count < 100:
        add(writer)
        count += 1
    thread.join()
    assert wal(path).stat().st_size >= 16 * STEP
    assert after_a_kill(path) == count
