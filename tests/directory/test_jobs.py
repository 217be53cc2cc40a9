"""Jobs are taken up once, held, stopped, begun again and forgotten."""

import asyncio
from collections.abc import Callable

import pytest

from postroom.db.database import Database, Tx
from postroom.directory import jobs
from postroom.directory.jobs import HELD_MS, Job
from postroom.errors import NotFound, StorageFailed
from tests.conftest import Opener

KEY = b"k" * 32
HERE = "here"


def job(ident: int, lane: str = "", machine: str = "") -> Job:
    return Job(
        ident, None, "backup", lane or f"lane {ident}", machine, "Title", "ann@x.test", "{}",
        "waiting", 0, 0, 0, "", "", 5,
    )  # fmt: skip


def told(database: Opener, story: Callable[[Tx], None]) -> None:
    async def run() -> None:
        async with database() as db:
            await _write(db, story)

    asyncio.run(run())


async def _write(db: Database, story: Callable[[Tx], None]) -> None:
    await db.write(story)


def ids(some: list[Job]) -> list[int]:
    return [one.id for one in some]


def test_each_is_taken_up_once_and_of_a_lane_one_at_a_time(database: Opener) -> None:
    def story(tx: Tx) -> None:
        for one in (job(1, "a"), job(2, "a"), job(3, "b"), job(4, "c", "there"), job(5, "d")):
            jobs.add(tx, one, "", KEY)
        assert ids(jobs.take(tx, HERE, 100, 2)) == [1, 3]
        assert ids(jobs.take(tx, HERE, 101, 9)) == [5]
        assert jobs.open_in(tx, "a") == 2
        assert jobs.note(tx, 1, 5, 10, "half", 200)
        found = jobs.require(tx, 1)
        assert (found.done, found.total, found.step, found.state) == (5, 10, "half", "running")
        # 1 was held again, the others were not: their server has died.
        assert ids(jobs.take(tx, HERE, 101 + HELD_MS + 1, 9)) == [3, 5]
        jobs.settle(tx, 1, "done", "told", 300)
        assert (jobs.require(tx, 1).is_open, jobs.require(tx, 1).told) == (False, "told")
        assert ids(jobs.take(tx, HERE, 400, 9)) == [2]
        assert ids(jobs.take(tx, "there", 400, 9)) == [4]

    told(database, story)


def test_a_server_that_begins_takes_up_what_was_left(database: Opener) -> None:
    def story(tx: Tx) -> None:
        for one in (job(1), job(2, machine=HERE), job(3, machine="there")):
            jobs.add(tx, one, "", KEY)
        assert ids(jobs.take(tx, HERE, 100, 9)) == [1, 2]
        assert ids(jobs.take(tx, "there", 100, 9)) == [3]
        jobs.let_go(tx, HERE, of_all=False)
        assert ids(jobs.take(tx, HERE, 100, 9)) == [2]
        jobs.let_go(tx, HERE, of_all=True)
        assert ids(jobs.take(tx, HERE, 100, 9)) == [1, 2]
        jobs.release(tx, 1)
        assert not jobs.note(tx, 1, 0, 0, "", 100)  # a note that comes late
        assert ids(jobs.take(tx, HERE, 100, 9)) == [1]

    told(database, story)


def test_one_is_stopped_and_begun_again(database: Opener) -> None:
    def story(tx: Tx) -> None:
        for ident in (1, 2):
            jobs.add(tx, job(ident), "word", KEY)
        jobs.stop(tx, 2, 50)
        assert (jobs.require(tx, 2).state, jobs.require(tx, 2).ended) == ("stopped", 50)
        assert ids(jobs.take(tx, HERE, 100, 9)) == [1]
        jobs.again(tx, 1, "other")  # it runs
        assert jobs.require(tx, 1).wish == "{}"
        jobs.stop(tx, 1, 101)
        assert jobs.require(tx, 1).state == "running"
        assert not jobs.note(tx, 1, 0, 0, "", 102)
        jobs.settle(tx, 1, "stopped", "", 103)
        assert jobs.secret(tx, 1, KEY) == "word"
        jobs.again(tx, 1, "other")
        found = jobs.require(tx, 1)
        assert (found.state, found.wish, found.ended) == ("waiting", "other", None)
        assert ids(jobs.take(tx, HERE, 104, 9)) == [1]
        assert jobs.note(tx, 1, 1, 2, "x" * 999, 105)
        jobs.settle(tx, 1, "done", "", 106)
        assert jobs.secret(tx, 1, KEY) == ""

    told(database, story)


def test_secrets_are_sealed_and_forgotten(database: Opener) -> None:
    def story(tx: Tx) -> None:
        jobs.add(tx, job(1), "s3cret", KEY)
        row = tx.one("SELECT secret FROM job")
        assert row is not None
        assert b"s3cret" not in bytes(row[0])
        with pytest.raises(StorageFailed):
            jobs.secret(tx, 1, b"x" * 32)
        jobs.stop(tx, 1, 50)
        assert jobs.forget_secrets(tx, 50) == 0
        assert jobs.forget_secrets(tx, 51) == 1
        assert jobs.secret(tx, 1, KEY) == ""
        assert jobs.needing_files(tx, [1, 2], 50) == {1: True}
        assert jobs.needing_files(tx, [1], 51) == {1: False}
        assert jobs.purge(tx, 50) == 0
        assert jobs.purge(tx, 51) == 1
        for ask in (
            lambda: jobs.require(tx, 1),
            lambda: jobs.secret(tx, 1, KEY),
        ):
            with pytest.raises(NotFound):
                ask()

    told(database, story)


def test_they_are_listed_the_latest_first(database: Opener) -> None:
    def story(tx: Tx) -> None:
        for ident in range(1, 6):
            jobs.add(tx, job(ident), "", KEY)
        assert ids(jobs.newest(tx, None, limit=2)) == [5, 4]
        assert ids(jobs.newest(tx, None, below=4, limit=9)) == [3, 2, 1]
        assert (jobs.count(tx, None), jobs.count(tx, 7)) == (5, 0)
        with pytest.raises(NotFound):
            jobs.require(tx, 1, 7)
        jobs.remove(tx, 5)
        assert jobs.count(tx, None) == 4

    told(database, story)
