"""No false success and no late success, whichever write or fsync of one delivery fails."""

import asyncio
import shutil
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from postroom.db.connection import open_connection
from postroom.db.database import Tx
from postroom.db.jobs import Job
from postroom.db.writer import Writer
from postroom.errors import OutcomeUnknown, StorageFailed, StorageFull
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from tests.db.faulty import Disk, disk
from tests.fakes import Recorder

TABLES = """
CREATE TABLE letter (id INTEGER PRIMARY KEY, octets BLOB NOT NULL) STRICT;
CREATE TABLE copy (letter_id INTEGER NOT NULL, number INTEGER NOT NULL) STRICT;
"""


def file(tx: Tx, items: Sequence[int]) -> Sequence[int]:
    tx.many("INSERT INTO letter VALUES (?, ?)", [(item, b"x" * 6000) for item in items])
    tx.many("INSERT INTO copy VALUES (?, ?)", [(item, n) for item in items for n in range(3)])
    return items


def unfile(number: int) -> Callable[[Tx], None]:
    def undo(tx: Tx) -> None:
        tx.execute("DELETE FROM letter WHERE id = :id", id=number)
        tx.execute("DELETE FROM copy WHERE letter_id = :id", id=number)

    return undo


class Deliveries:
    """Files letters through a writer and remembers what was promised."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.promised: set[int] = set()
        self.refused: set[int] = set()

    async def deliver(self, number: int) -> None:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.writer.put(Job(future, batch=file, item=number, undo=unfile(number)))
        try:
            await future
        except (StorageFailed, StorageFull):
            self.refused.add(number)
            raise
        self.promised.add(number)


def make(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(TABLES)


def stored(path: Path) -> set[int]:
    """What a program finds that opens these files now."""
    with closing(open_connection(path, writes=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        letters = {row[0] for row in connection.execute("SELECT id FROM letter")}
        copies = connection.execute("SELECT letter_id, count(*) FROM copy GROUP BY 1").fetchall()
        assert copies == [(letter, 3) for letter in sorted(letters)]
        return letters


def after_a_crash(path: Path, to: Path) -> set[int]:
    """What is found when the machine stops now and all that was written is on the disk."""
    to.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", to / f"{path.name}{suffix}")
    return stored(to / path.name)


def possible(error: type[apsw.Error], kind: str) -> bool:
    """SQLite answers FULL to a write only; what fsync finds is always an I/O error."""
    return error is apsw.IOError or kind == "write"


def run(
    path: Path, test: Callable[[Deliveries, Disk], Awaitable[None]], *, try_again: float = 0.0
) -> Deliveries:
    """``test`` with a reader beside it, as in the server: the WAL stays when a writer closes."""

    async def go() -> Deliveries:
        with disk() as faulty, closing(open_connection(path, writes=False)) as reader:
            reader.execute("SELECT count(*) FROM letter").fetchall()
            writer = Writer(path, vfs=faulty.name, try_again=try_again)
            deliveries = Deliveries(writer)
            try:
                await test(deliveries, faulty)
            finally:
                faulty.work()
                await writer.close()
            return deliveries

    return asyncio.run(go())


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_every_operation_of_a_delivery_fails_once(data: Path, error: type[apsw.Error]) -> None:
    """Threats F1, F2: then the process goes on, and a crash brings nothing back."""
    reached = 0
    for k in range(1, 100):
        path = data / f"{k}" / "db"
        make(path)

        async def test(deliveries: Deliveries, faulty: Disk, k: int = k, path: Path = path) -> None:
            nonlocal reached
            await deliveries.deliver(1)
            faulty.fail(lambda number, kind: number == k and possible(error, kind), error)
            try:
                await deliveries.deliver(2)
            except (StorageFailed, StorageFull) as failure:
                assert isinstance(failure, StorageFull) == (error is apsw.FullError)
            reached = faulty.failed
            faulty.work()
            assert after_a_crash(path, data / f"{k}" / "crash") == deliveries.promised
            await deliveries.deliver(3)

        deliveries = run(path, test)
        assert deliveries.promised | deliveries.refused == {1, 2, 3}
        assert stored(path) == deliveries.promised
        if not reached:
            assert deliveries.refused == set()
            break
        assert deliveries.refused == {2}
    else:
        pytest.fail("never came to the end of a delivery")
    assert k > 3


@pytest.mark.parametrize("error", [apsw.IOError, apsw.FullError])
def test_a_disk_that_fails_from_some_operation_on(data: Path, error: type[apsw.Error]) -> None:
    """All is refused while it fails; all goes on when it works again."""
    for k in range(1, 12):
        path = data / f"{k}" / "db"
        make(path)

        async def test(deliveries: Deliveries, faulty: Disk, k: int = k) -> None:
            await deliveries.deliver(1)
            faulty.fail(lambda number, kind: number >= k and possible(error, kind), error)
            for number in (2, 3, 4):
                try:
                    await deliveries.deliver(number)
                except (StorageFailed, StorageFull):
                    continue
            assert {3, 4} <= deliveries.refused
            faulty.work()
            await deliveries.deliver(5)

        deliveries = run(path, test)
        assert stored(path) == deliveries.promised >= {1, 5}


def test_a_failed_fsync_refuses_the_whole_batch(data: Path) -> None:
    path = data / "db"
    make(path)

    async def test(deliveries: Deliveries, faulty: Disk) -> None:
        faulty.fail(lambda _number, kind: kind == "sync")
        found = await asyncio.gather(
            *[deliveries.deliver(n) for n in range(50)], return_exceptions=True
        )
        assert {type(result) for result in found} == {OutcomeUnknown}  # the repair failed too
        faulty.work()
        await asyncio.gather(*[deliveries.deliver(n) for n in range(50, 100)])

    assert run(path, test).refused == set(range(50))
    assert stored(path) == set(range(50, 100))


def test_trouble_is_told(data: Path) -> None:
    path = data / "db"
    make(path)
    recorder = Recorder()
    before = sink.install(recorder)

    async def test(deliveries: Deliveries, faulty: Disk) -> None:
        faulty.fail(lambda number, kind: kind == "sync" and number < 9)
        with pytest.raises(StorageFailed):
            await deliveries.deliver(1)

    try:
        run(path, test)
    finally:
        sink.install(before)
    assert recorder.of(StorageTrouble)[0].where == "write"


def test_reopening_waits_between_attempts(data: Path) -> None:
    path = data / "db"
    make(path)

    async def test(deliveries: Deliveries, faulty: Disk) -> None:
        faulty.fail(lambda _number, _kind: True)
        with pytest.raises(StorageFailed):
            await deliveries.deliver(1)
        faulty.work()
        operations = faulty.count
        with pytest.raises(StorageFailed, match="being repaired"):
            await deliveries.deliver(2)
        assert faulty.count == operations

    run(path, test, try_again=3600)
    assert stored(path) == set()


def test_a_mistake_in_an_undo_stops_nothing(data: Path) -> None:
    path = data / "db"
    make(path)

    def wrong(tx: Tx) -> None:
        tx.execute("DELETE FROM letter")
        raise LookupError("a mistake")

    async def test(deliveries: Deliveries, faulty: Disk) -> None:
        await deliveries.deliver(1)
        faulty.fail(lambda _number, kind: kind == "sync")
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        deliveries.writer.put(Job(future, batch=file, item=2, undo=wrong))
        with pytest.raises(StorageFailed):
            await future
        faulty.work()
        await deliveries.deliver(3)

    run(path, test)
    assert {1, 3} <= stored(path)


def test_an_error_that_the_code_hid_still_counts(data: Path) -> None:
    """Whoever swallows an I/O error does not get a commit."""
    path = data / "db"
    make(path)

    def careless(tx: Tx) -> None:
        try:
            tx.execute("INSERT INTO letter VALUES (1, zeroblob(200 << 20))")
        except (StorageFailed, StorageFull):
            return

    async def test(deliveries: Deliveries, faulty: Disk) -> None:
        faulty.fail(lambda _number, _kind: True)  # the cache spills into the WAL
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        deliveries.writer.put(Job(future, fn=careless))
        with pytest.raises(StorageFailed):
            await future
        faulty.work()
        await deliveries.deliver(2)

    run(path, test)
    assert stored(path) == {2}


def test_two_writers_share_the_database(data: Path) -> None:
    """Server and command: each is its own writer with its own lock."""
    path = data / "db"
    make(path)

    async def go() -> None:
        writers = [Writer(path), Writer(path)]
        both = [Deliveries(writer) for writer in writers]
        await asyncio.gather(*[both[n % 2].deliver(n) for n in range(300)])
        for writer in writers:
            await writer.close()

    asyncio.run(go())
    assert stored(path) == set(range(300))


def test_somebody_else_in_the_way_is_waited_for(data: Path) -> None:
    """Threats F8: a tool that knows nothing of our lock holds the database for a while."""
    path = data / "db"
    make(path)
    with closing(apsw.Connection(str(path))) as other:
        other.execute("BEGIN IMMEDIATE")
        done = threading.Event()

        async def go() -> None:
            writer = Writer(path)
            deliveries = Deliveries(writer)
            task = asyncio.ensure_future(deliveries.deliver(1))
            await asyncio.sleep(0.05)
            assert not task.done()
            await asyncio.to_thread(other.execute, "COMMIT")
            await task
            await writer.close()
            done.set()

        asyncio.run(go())
    assert done.is_set()
    assert stored(path) == {1}


def test_a_file_that_is_no_database_is_refused(data: Path) -> None:
    path = data / "db"
    path.write_bytes(b"no database at all" * 100)

    async def go() -> None:
        with pytest.raises(StorageFailed):
            Writer(path)

    asyncio.run(go())
