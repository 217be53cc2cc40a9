"""What mail weighs, and when its owner is told."""

import asyncio
import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.errors import MailboxFull
from postroom.store import usage
from tests.conftest import Opener

NOW = 1_790_000_000_000


def test_the_row_is_made_on_first_use(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert await db.read(lambda tx: usage.usage_of(tx, 7)) == usage.Usage(0, 0)
            assert await db.write(lambda tx: usage.charge(tx, 7, 100, 1, NOW)) == (0, 0, 0)
            assert await db.write(lambda tx: usage.charge(tx, 7, -40, 0, NOW)) == (100, 0, 0)
            assert await db.read(lambda tx: usage.usage_of(tx, 7)) == usage.Usage(60, 1)

    asyncio.run(run())


def test_uidvalidity_rises_also_when_the_clock_goes_back(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:

            async def take(now: int) -> int:
                return await db.write(lambda tx: usage.next_uidvalidity(tx, 7, now))

            taken = [await take(now) for now in (NOW, NOW, NOW - 10**9, NOW + 5000, 0)]
            assert taken == sorted(set(taken))
            assert taken[3] == NOW // 1000 + 5
            assert taken[-1] < 2**32

    asyncio.run(run())


def test_refuse_above() -> None:
    usage.refuse_above(0, 10**9, 10**9)
    usage.refuse_above(100, 90, 10)
    with pytest.raises(MailboxFull):
        usage.refuse_above(100, 90, 11)


def test_each_level_is_told_once_and_again_after_relief() -> None:
    assert usage.warning_due(0, 79, 100) == (0, 0)
    assert usage.warning_due(79, 80, 100) == (80, 80)
    assert usage.warning_due(80, 90, 100, 80) == (80, 0)
    assert usage.warning_due(90, 96, 100, 80) == (95, 95)
    assert usage.warning_due(0, 99, 100) == (95, 95)  # over both at once: one letter
    assert usage.warning_due(76, 81, 100, 80) == (80, 0)  # hovering
    assert usage.warning_due(74, 81, 100, 80) == (80, 80)  # was well below
    assert usage.warning_due(89, 96, 100, 95) == (95, 95)
    assert usage.warning_due(70, 71, 100, 95) == (0, 0)
    assert usage.warning_due(10, 20, 0, 95) == (0, 0)  # the quota was taken away


@given(st.lists(st.integers(0, 120), min_size=2, max_size=30))
def test_a_warning_is_told_only_where_it_holds(levels: list[int]) -> None:
    warned = 0
    for before, after in itertools.pairwise(levels):
        warned, due = usage.warning_due(before, after, 100, warned)
        assert due in {0, 80, 95}
        assert not due or after >= due == warned
