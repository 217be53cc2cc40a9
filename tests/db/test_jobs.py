"""How waiting work is cut into batches and units."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from postroom.db.database import Tx
from postroom.db.jobs import MOST_JOBS, MOST_OCTETS, Job, Lanes, run_unit, units


@pytest.fixture
def future() -> Iterator[Callable[[], "asyncio.Future[Any]"]]:
    loop = asyncio.new_event_loop()
    yield loop.create_future
    loop.close()


Make = Callable[[], "asyncio.Future[Any]"]


def nothing(_tx: Tx) -> None: ...


def numbers(_tx: Tx, items: Sequence[int]) -> Sequence[int]:
    return items


def letters(_tx: Tx, items: Sequence[str]) -> Sequence[str]:
    return items


def test_a_batch_is_bounded_in_jobs(future: Make) -> None:
    lanes = Lanes()
    for _ in range(300):
        lanes.put(Job(future(), fn=nothing))
    assert [len(lanes.take()) for _ in range(4)] == [MOST_JOBS, MOST_JOBS, 300 - 2 * MOST_JOBS, 0]


def test_a_batch_is_bounded_in_octets(future: Make) -> None:
    lanes = Lanes()
    for _ in range(10):
        lanes.put(Job(future(), batch=numbers, item=1, size=MOST_OCTETS // 2))
    assert [len(lanes.take()) for _ in range(5)] == [2] * 5


def test_one_job_may_be_larger_than_a_batch(future: Make) -> None:
    lanes = Lanes()
    lanes.put(Job(future(), batch=numbers, item=1, size=MOST_OCTETS * 9))
    assert len(lanes.take()) == 1


def test_bulk_waits_but_does_not_starve(future: Make) -> None:
    lanes = Lanes()
    bulk = Job(future(), fn=nothing)
    taken = []
    lanes.put(bulk, bulk=True)
    for _ in range(10):
        lanes.put(Job(future(), fn=nothing))
        taken.append(bulk in lanes.take())
    assert taken.count(True) == 1
    assert taken[0] is False


def test_bulk_runs_at_once_when_nothing_else_waits(future: Make) -> None:
    lanes = Lanes()
    for _ in range(3):
        lanes.put(Job(future(), fn=nothing), bulk=True)
    assert [len(lanes.take()) for _ in range(4)] == [1, 1, 1, 0]


def test_cancelled_jobs_are_left_out(future: Make) -> None:
    lanes = Lanes()
    jobs = [Job(future(), fn=nothing) for _ in range(4)]
    for job, bulk in zip(jobs, (False, False, True, True), strict=True):
        lanes.put(job, bulk=bulk)
    jobs[0].future.cancel()
    jobs[2].future.cancel()
    assert lanes.take() == [jobs[1]]
    assert lanes.take() == []
    assert lanes.take() == [jobs[3]]
    assert not lanes


def test_units_group_by_batch_function(future: Make) -> None:
    a, b, c, d, e = (
        Job(future(), batch=numbers, item=1),
        Job(future(), fn=nothing),
        Job(future(), batch=letters, item="x"),
        Job(future(), batch=numbers, item=2),
        Job(future(), fn=nothing),
    )
    assert units([a, b, c, d, e]) == [[a, d], [b], [c], [e]]


class Post:
    def file(self, _tx: Tx, items: Sequence[int]) -> Sequence[int]:
        return items


def test_methods_of_one_object_are_one_batch_function(future: Make) -> None:
    one, other = Post(), Post()
    jobs = [Job(future(), batch=post.file, item=1) for post in (one, one, other)]
    assert units(jobs) == [jobs[:2], jobs[2:]]


class NoTx:
    engine = "sqlite"


def test_run_unit(future: Make) -> None:
    tx: Any = NoTx()
    assert run_unit(tx, [Job(future(), batch=numbers, item=n) for n in (3, 1)]) == [3, 1]
    assert run_unit(tx, [Job(future(), fn=lambda _tx: "result")]) == ["result"]
    with pytest.raises(RuntimeError, match="2 items, but 0 results"):
        run_unit(tx, [Job(future(), batch=lambda _tx, _items: [], item=n) for n in (1, 2)])
    with pytest.raises(ValueError):
        run_unit(tx, [Job(future())])
