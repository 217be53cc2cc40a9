"""Habits and suspicions as rows."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from postroom.db.database import Tx
from postroom.policy import suspects
from postroom.policy.hijack import Reason, Suspicion
from postroom.policy.suspects import HALF_MS, LEAST, QUIET_MS, RELEASED_MS
from tests.conftest import Opener
from tests.directory.town import towns

NOW: Final = 1_790_000_000_000
FLOOD: Final = Suspicion(50, (Reason(50, "a flood"),))


def tell(database: Opener, data: Path, story: Callable[[Tx, int], None]) -> None:
    async def run() -> None:
        async with towns(database, data)() as town:
            await town.domain("demo.test")
            ann = await town.account("ann@demo.test")
            await town.db.write(lambda tx: story(tx, ann.id))

    asyncio.run(run())


def test_a_habit_is_the_busiest_hour_and_fades(database: Opener, data: Path) -> None:
    def story(tx: Tx, ann: int) -> None:
        def usual(now: int) -> int:
            return suspects.usual(tx, [ann, 999], now).get(ann, 0)

        suspects.learn(tx, NOW, {ann: LEAST - 1})
        assert usual(NOW) == 0
        suspects.learn(tx, NOW, {ann: 80, 999: 80})
        assert usual(NOW) == 80
        suspects.learn(tx, NOW + 1, {ann: 20})
        assert usual(NOW + 1) == 80
        assert usual(NOW + HALF_MS) == 40
        suspects.learn(tx, NOW + HALF_MS, {ann: 50})
        assert usual(NOW + HALF_MS) == 50

    tell(database, data, story)


def test_who_is_suspected_learns_nothing_and_is_told_once(database: Opener, data: Path) -> None:
    def story(tx: Tx, ann: int) -> None:
        assert suspects.suspect(tx, ann, FLOOD, 300, NOW, held=True)
        assert not suspects.suspect(tx, ann, Suspicion(60, ()), 400, NOW + 5, held=True)
        (one,) = suspects.every(tx)
        assert (one.account_id, one.state, one.since, one.seen) == (ann, "held", NOW, NOW + 5)
        assert (one.score, one.recipients, one.reasons) == (60, 400, ())
        suspects.learn(tx, NOW, {ann: 300})
        assert suspects.usual(tx, [ann], NOW) == {}
        assert not suspects.suspect(tx, 999, FLOOD, 300, NOW, held=True)

    tell(database, data, story)


def test_a_release_makes_it_usual_and_lasts_a_while(database: Opener, data: Path) -> None:
    def story(tx: Tx, ann: int) -> None:
        assert suspects.release(tx, ann, NOW) is None
        suspects.suspect(tx, ann, FLOOD, 300, NOW, held=False)
        found = suspects.release(tx, ann, NOW + 1)
        assert found is not None
        assert (found.state, found.reasons) == ("told", FLOOD.reasons)
        assert suspects.release(tx, ann, NOW + 2) is None
        assert suspects.every(tx) == []
        assert suspects.usual(tx, [ann], NOW + 1) == {ann: 300}
        assert not suspects.suspect(tx, ann, FLOOD, 300, NOW + 3, held=False)
        assert suspects.forget(tx, NOW + RELEASED_MS) == 0
        assert suspects.forget(tx, NOW + 1 + RELEASED_MS) == 1
        assert suspects.suspect(tx, ann, FLOOD, 300, NOW + 1 + RELEASED_MS, held=False)

    tell(database, data, story)


def test_what_is_quiet_for_a_day_is_over_unless_it_is_held(database: Opener, data: Path) -> None:
    def story(tx: Tx, ann: int) -> None:
        suspects.suspect(tx, ann, FLOOD, 300, NOW, held=False)
        assert suspects.forget(tx, NOW + QUIET_MS - 1) == 0
        assert suspects.forget(tx, NOW + QUIET_MS) == 1
        suspects.suspect(tx, ann, FLOOD, 300, NOW, held=True)
        assert suspects.forget(tx, NOW + 99 * QUIET_MS) == 0

    tell(database, data, story)
