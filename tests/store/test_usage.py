"""What mail weighs, and when its owner is told."""

import asyncio
import itertools

import pytest
from hypothesis import given, strategies as st

from postroom.errors import MailboxFull
from postroom.quota import NO_QUOTA, Quota
from postroom.store import usage
from postroom.store.usage import Usage
from tests.conftest import Opener

NOW = 1_790_000_000_000


def test_the_row_is_made_on_first_use(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert await db.read(lambda tx: usage.usage_of(tx, 7)) == Usage(0, 0)
            assert await db.write(lambda tx: usage.charge(tx, 7, 100, 1, NOW)) == (
                Usage(0, 0),
                0,
                0,
            )
            assert await db.write(lambda tx: usage.charge(tx, 7, -40, 0, NOW)) == (
                Usage(100, 1), 0, 0,
            )  # fmt: skip
            assert await db.read(lambda tx: usage.usage_of(tx, 7)) == Usage(60, 1)

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
    usage.refuse_above(NO_QUOTA, Usage(10**9, 10**9), 10**9, 10**9)
    usage.refuse_above(Quota(100, 10), Usage(90, 9), 10, 1)
    with pytest.raises(MailboxFull):
        usage.refuse_above(Quota(100, 10), Usage(90, 9), 11, 1)
    with pytest.raises(MailboxFull):
        usage.refuse_above(Quota(100, 10), Usage(90, 9), 10, 2)
    with pytest.raises(MailboxFull):
        usage.refuse_above(Quota(messages=10), Usage(10**9, 10), 0, 1)


def warning(before: int, after: int, limit: int, warned: int = 0) -> tuple[int, int]:
    """The same for either resource, and for both where the other one is far away."""
    by_octets = usage.warning_due(Usage(before, 0), Usage(after, 0), Quota(limit), warned)
    for quota in (Quota(messages=limit), Quota(10**9 if limit else 0, limit)):
        assert by_octets == usage.warning_due(Usage(0, before), Usage(0, after), quota, warned)
    return by_octets


def test_each_level_is_told_once_and_again_after_relief() -> None:
    assert warning(0, 79, 100) == (0, 0)
    assert warning(79, 80, 100) == (80, 80)
    assert warning(80, 90, 100, 80) == (80, 0)
    assert warning(90, 96, 100, 80) == (95, 95)
    assert warning(0, 99, 100) == (95, 95)  # over both at once: one letter
    assert warning(76, 81, 100, 80) == (80, 0)  # hovering
    assert warning(74, 81, 100, 80) == (80, 80)  # was well below
    assert warning(89, 96, 100, 95) == (95, 95)
    assert warning(70, 71, 100, 95) == (0, 0)
    assert warning(10, 20, 0, 95) == (0, 0)  # the quota was taken away


@given(st.lists(st.integers(0, 120), min_size=2, max_size=30))
def test_a_warning_is_told_only_where_it_holds(levels: list[int]) -> None:
    warned = 0
    for before, after in itertools.pairwise(levels):
        warned, due = warning(before, after, 100, warned)
        assert due in {0, 80, 95}
        assert not due or after >= due == warned
