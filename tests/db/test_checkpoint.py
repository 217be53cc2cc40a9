"""The WAL is moved into the database beside the writer."""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from postroom.db.checkpoint import Checkpointer
from postroom.db.connection import open_connection
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from tests.db.faulty import disk
from tests.fakes import Recorder


@pytest.fixture
def writer(path: Path) -> Iterator[apsw.Connection]:
    with closing(open_connection(path, writes=True)) as connection:
        connection.execute("CREATE TABLE t (octets BLOB) STRICT")
        connection.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        yield connection


def grown(path: Path, writer: apsw.Connection) -> bool:
    """Whether the database itself comes to hold all that was in the WAL."""
    pages = writer.execute("PRAGMA page_count").fetchone()
    size = writer.execute("PRAGMA page_size").fetchone()
    assert pages is not None
    assert size is not None
    end = time.monotonic() + 120
    while path.stat().st_size < pages[0] * size[0]:
        if time.monotonic() > end:
            return False
        time.sleep(0.001)
    return True


def test_nothing_happens_below_the_limit(path: Path, writer: apsw.Connection) -> None:
    checkpointer = Checkpointer(path, passive=1000)
    checkpointer.grew(999)
    checkpointer.close()
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("restart", [1000, 100], ids=["passive", "restart"])
def test_the_wal_is_moved_beyond_it(path: Path, writer: apsw.Connection, restart: int) -> None:
    checkpointer = Checkpointer(path, passive=100, restart=restart)
    checkpointer.grew(250)
    assert grown(path, writer)
    checkpointer.close()


def test_the_wal_is_made_long_once_it_is_used(path: Path, writer: apsw.Connection) -> None:
    wal = path.with_name("db-wal")
    checkpointer = Checkpointer(path, passive=100_000, reserve_at=300, kept=8_000_000)
    checkpointer.grew(299)
    checkpointer.close()
    assert wal.stat().st_size < 2_000_000
    checkpointer = Checkpointer(path, passive=100_000, reserve_at=300, kept=8_000_000)
    checkpointer.grew(300)
    end = time.monotonic() + 120
    while wal.stat().st_size < 8_000_000 and time.monotonic() < end:
        time.sleep(0.001)
    checkpointer.close()
    assert wal.stat().st_size == 8_000_000
    assert path.stat().st_size < 1_000_000


def test_one_attempt_a_step_and_anew_after_a_reset(path: Path, writer: apsw.Connection) -> None:
    checkpointer = Checkpointer(path, passive=100)
    checkpointer.grew(250)
    assert grown(path, writer)
    writer.execute("INSERT INTO t VALUES (zeroblob(2000000))")
    size = path.stat().st_size
    checkpointer.grew(260)
    checkpointer.grew(20)
    checkpointer.grew(99)
    assert path.stat().st_size == size
    checkpointer.grew(100)
    end = time.monotonic() + 120
    while path.stat().st_size == size and time.monotonic() < end:
        time.sleep(0.001)
    assert path.stat().st_size > size
    checkpointer.close()


def test_a_disk_that_fails_is_told_and_tried_again(path: Path, writer: apsw.Connection) -> None:
    recorder = Recorder()
    before = sink.install(recorder)
    try:
        with disk() as faulty:
            checkpointer = Checkpointer(path, passive=100, vfs=faulty.name)
            faulty.fail(lambda _number, _kind: True)
            checkpointer.grew(250)
            end = time.monotonic() + 120
            while not recorder and time.monotonic() < end:
                time.sleep(0.001)
            assert recorder.of(StorageTrouble)[0].where == "checkpoint"
            faulty.work()
            checkpointer.grew(99)
            checkpointer.grew(250)
            assert grown(path, writer)
            checkpointer.close()
    finally:
        sink.install(before)
    assert writer.execute("PRAGMA integrity_check").fetchone() == ("ok",)
