"""Delay and end, by age."""

import asyncio

from postroom.queue import changes, claims, patience
from postroom.queue.claimed import Claimed
from postroom.queue.claims import Pace
from tests.conftest import Opener
from tests.fakes import START
from tests.queue.letters import add, counted, letter, statuses

HOUR = 3_600_000


def at(milliseconds: int) -> int:
    """An id of this moment."""
    return milliseconds << 21


def test_the_end_is_found_by_age_however_its_destination_is(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            some = [
                letter(at(START) + n, "b@dead.test", accepted=START + n * HOUR) for n in range(4)
            ]
            await db.write(lambda tx: add(tx, some))
            await db.write(lambda tx: changes.hold(tx, [at(START) + 1]))
            await db.write(
                lambda tx: claims.end(tx, 1, "dead.test", Pace(1, 9, START * 2, "no"), START)
            )
            before = START + 3 * HOUR
            batch = await db.write(lambda tx: patience.overdue(tx, 101, before, before, 9))
            assert batch is not None
            assert [one.letter.id - at(START) for one in batch.letters] == [0, 2]
            assert await db.write(lambda tx: patience.overdue(tx, 102, before, before, 9)) is None
            await db.write(lambda tx: claims.end(tx, 101, "", None, before))
            assert {row[2] for row in await db.read(statuses)} == {0, 3}
            await db.read(counted)

    asyncio.run(run())


def test_patience_is_counted_from_when_the_letter_was_to_go(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(
                lambda tx: add(tx, [letter(at(START), accepted=START, due=START + 9 * HOUR)])
            )
            for hours, found in ((9, False), (10, True)):
                batch = await db.write(
                    lambda tx, hours=hours: patience.overdue(  # type: ignore[misc]
                        tx, 100 + hours, START + hours * HOUR, START + 20 * HOUR, 9
                    )
                )
                assert (batch is not None) is found

    asyncio.run(run())


def test_each_sender_is_told_of_a_delay_once(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            some = [letter(at(START + n * HOUR), accepted=START + n * HOUR) for n in range(4)]
            await db.write(lambda tx: add(tx, some))
            await db.write(
                lambda tx: tx.execute(
                    "UPDATE delivery SET next_attempt = :later", later=START + 99 * HOUR
                )
            )
            told: list[int] = []
            mark = 0
            for hours in (1, 2, 2, 3, 5, 5):
                before = START + hours * HOUR
                found, mark = await db.write(
                    lambda tx, mark=mark, before=before: patience.undelayed(  # type: ignore[misc]
                        tx, mark, before, 2
                    )
                )
                told += [one.letter.id for one in found]
                many = [one for work in found for one in work.recipients]
                await db.write(lambda tx, many=many: patience.warn(tx, many))  # type: ignore[misc]
            assert told == [at(START + n * HOUR) for n in range(4)]
            again: tuple[tuple[Claimed, ...], int] = await db.read(
                lambda tx: patience.undelayed(tx, 0, START + 9 * HOUR, 9)
            )
            assert again[0] == ()

    asyncio.run(run())


def test_a_mark_is_remembered(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            assert await db.read(lambda tx: patience.mark(tx, "delay")) == 0
            for value in (5, 9):
                await db.write(
                    lambda tx, value=value: patience.set_mark(tx, "delay", value)  # type: ignore[misc]
                )
                assert await db.read(lambda tx: patience.mark(tx, "delay")) == value

    asyncio.run(run())


def test_what_was_to_go_later_is_walked_through_by_its_time(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            some = [
                letter(at(START) + n, accepted=START, due=START + hours * HOUR)
                for n, hours in enumerate((9, 5, 5, 5, 0, 7))
            ]
            await db.write(lambda tx: add(tx, some))
            told: list[int] = []
            mark = (0, 0)
            for hours in (5, 6, 6, 6, 8, 8):
                before = START + hours * HOUR
                found, mark = await db.write(
                    lambda tx, mark=mark, before=before: patience.undelayed_later(  # type: ignore[misc]
                        tx, mark, before, 2
                    )
                )
                told += [one.letter.id - at(START) for one in found]
                await db.write(lambda tx, mark=mark: patience.set_mark_later(tx, mark))  # type: ignore[misc]
                assert await db.read(patience.mark_later) == mark
            assert told == [1, 2, 3, 5]
            ahead = (START + 99 * HOUR, 5)  # as the clock was, before it was set right
            found, mark = await db.read(
                lambda tx: patience.undelayed_later(tx, ahead, START + 8 * HOUR, 9)
            )
            assert (found, mark) == ((), ahead)
            last = await db.read(
                lambda tx: patience.undelayed_later(tx, (START + 8 * HOUR, 0), START + 10 * HOUR, 9)
            )
            assert [one.letter.id - at(START) for one in last[0]] == [0]

    asyncio.run(run())


def test_the_walk_goes_back_and_never_on(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: patience.set_mark(tx, patience.DELAYED, 50))
            for ids, value in (([], 50), ([90, 60], 50), ([40, 45], 39), ([41], 39)):
                await db.write(lambda tx, ids=ids: patience.look_again(tx, ids))  # type: ignore[misc]
                assert await db.read(lambda tx: patience.mark(tx, patience.DELAYED)) == value

    asyncio.run(run())
