"""Claims: who gets what, in which order, and what a death leaves."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from postroom.db.database import Row, Tx
from postroom.queue import changes, claims, settling
from postroom.queue.claimed import Batch
from postroom.queue.claims import LEASE_MS, Pace
from postroom.queue.rows import BULK, CAP, FIRST, NEVER, Outgoing
from postroom.queue.settling import Outcome, Settled
from tests.conftest import Opener
from tests.fakes import START
from tests.queue.letters import add, counted, letter, statuses


def names(batches: Sequence[Batch]) -> list[tuple[str, list[int]]]:
    return [(one.destination, [work.letter.id for work in one.letters]) for one in batches]


def test_a_batch_a_destination_in_the_order_of_their_turn(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7, "b@late.test", accepted=START + 5)]))
            await db.write(lambda tx: add(tx, [letter(8, "b@soon.test"), letter(9, "b@then.test")]))
            batches = await db.write(lambda tx: claims.claim(tx, [101, 102], START + 9, 100))
            assert names(batches) == [("soon.test", [8]), ("then.test", [9])]
            assert [one.lease for one in batches] == [101, 102]
            again = await db.write(lambda tx: claims.claim(tx, [103, 104], START + 9, 100))
            assert names(again) == [("late.test", [7])]
            assert await db.write(lambda tx: claims.claim(tx, [105], START + 9, 100)) == []
            await db.read(counted)

    asyncio.run(run())


def test_what_is_not_due_is_not_claimed_and_says_when_it_will_be(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7, due=START + 60_000)]))
            assert await db.write(lambda tx: claims.claim(tx, [101], START, 100)) == []
            assert await db.read(lambda tx: claims.next_ready(tx, START)) == START + 60_000
            batches = await db.write(lambda tx: claims.claim(tx, [101], START + 60_000, 100))
            assert names(batches) == [("other.test", [7])]
            assert await db.read(lambda tx: claims.next_ready(tx, START)) is None

    asyncio.run(run())


def test_everything_of_a_letter_comes_with_its_recipients(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            queued, outgoing = letter(
                7, "b@other.test", "c@other.test", sender=b"", smtputf8=True, envid=b"E",
                prefix=b"X: y\r\n", ret="HDRS", account_id=3,
            )  # fmt: skip
            one = Outgoing(7, 2, b"d@other.test", "other.test", b"rfc822;d", "NEVER")
            await db.write(lambda tx: add(tx, [(queued, [*outgoing, one])]))
            (batch,) = await db.write(lambda tx: claims.claim(tx, [101], START, 100))
            (work,) = batch.letters
            assert work.letter == queued or work.letter.due == queued.first_attempt
            assert work.letter.prefix == b"X: y\r\n"
            assert (work.letter.smtputf8, work.letter.envid, work.letter.ret) == (
                True,
                b"E",
                "HDRS",
            )
            assert [(r.number, r.address) for r in work.recipients] == [
                (0, b"b@other.test"),
                (1, b"c@other.test"),
                (2, b"d@other.test"),
            ]
            assert (work.recipients[2].orcpt, work.recipients[2].notify) == (b"rfc822;d", "NEVER")

    asyncio.run(run())


def test_urgent_letters_go_first_and_bulk_last(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            some = [letter(7, priority=BULK), letter(8), letter(9, priority=FIRST)]
            await db.write(lambda tx: add(tx, some))
            found = []
            for lease in (101, 102, 103):
                (batch,) = await db.write(
                    lambda tx, lease=lease: claims.claim(tx, [lease], START, 1)  # type: ignore[misc]
                )
                found.append(batch.letters[0].letter.id)
            assert found == [9, 8, 7]

    asyncio.run(run())


def test_no_more_batches_than_the_cap_of_a_destination(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(n) for n in range(1, 40)]))
            await db.write(lambda tx: add(tx, [letter(99, "x@small.test")]))
            sizes = []
            for lease in range(101, 101 + CAP):
                batches = await db.write(
                    lambda tx, lease=lease: claims.claim(tx, [lease], START + lease, 4)  # type: ignore[misc]
                )
                sizes.append(sum(len(one.letters) for one in batches))
            assert sizes == [4, 1, 4, 4, 4]  # the small one had its turn after one batch
            left = await db.write(
                lambda tx: claims.claim(tx, list(range(201, 220)), START + 200, 4)
            )
            assert names(left)[0][0] == "other.test"
            assert len(left) == 1  # its fifth slot
            assert await db.write(lambda tx: claims.claim(tx, [300], START + 300, 4)) == []
            await db.write(lambda tx: claims.end(tx, 101, "other.test", None, START))
            assert len(await db.write(lambda tx: claims.claim(tx, [301], START + 301, 4))) == 1
            await db.read(lambda tx: counted(tx, START + 301))

    asyncio.run(run())


def test_a_destination_that_is_put_off_delays_only_itself(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7, "b@dead.test"), letter(8, "b@x.test")]))
            batches = await db.write(lambda tx: claims.claim(tx, [101, 102], START, 9))
            assert len(batches) == 2
            pace = Pace(1, 1, START + 300_000, "451 no")
            await db.write(lambda tx: claims.end(tx, 101, "dead.test", pace, START))
            await db.write(lambda tx: claims.end(tx, 102, "x.test", None, START))
            await db.write(lambda tx: add(tx, [letter(9, "c@dead.test")]))
            found = await db.write(lambda tx: claims.claim(tx, [103, 104], START, 9))
            assert names(found) == [("x.test", [8])]
            assert await db.read(lambda tx: claims.next_ready(tx, START)) == START + 300_000
            later = await db.write(lambda tx: claims.claim(tx, [105], START + 300_000, 9))
            assert names(later) == [("dead.test", [7])]
            assert later[0].failures == 1

    asyncio.run(run())


def test_the_recipients_of_a_letter_stay_together(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            many = [f"r{number}@other.test" for number in range(7)]
            await db.write(lambda tx: add(tx, [letter(7, *many), letter(8, *many)]))
            batches = await db.write(lambda tx: claims.claim(tx, [101], START, 3))
            assert names(batches) == [("other.test", [7])]
            assert [one.number for one in batches[0].letters[0].recipients] == list(range(7))
            await db.read(counted)

    asyncio.run(run())


def test_a_destination_that_fails_is_probed_with_one_letter_after_all_others(
    database: Opener,
) -> None:
    async def run() -> None:
        async with database() as db:
            many = [letter(n, "b@dead.test") for n in range(1, 9)]
            await db.write(lambda tx: add(tx, [*many, letter(20, "b@x.test", accepted=START + 9)]))
            await db.write(
                lambda tx: claims.end(tx, 1, "dead.test", Pace(1, 2, START, "451 no"), START)
            )
            none = await db.write(lambda tx: claims.claim(tx, [101], START, 9, probes=0))
            assert none == []
            found = await db.write(lambda tx: claims.claim(tx, [101, 102], START + 9, 9))
            assert names(found) == [("x.test", [20]), ("dead.test", [1])]
            assert found[1].failures == 2
            await db.read(lambda tx: counted(tx, START + 9))

    asyncio.run(run())


def test_what_is_held_while_it_is_claimed_is_held_afterwards(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7)]))
            await db.write(lambda tx: claims.claim(tx, [101], START, 9))
            await db.write(lambda tx: changes.hold(tx, [7]))
            await db.write(lambda tx: claims.end(tx, 101, "other.test", None, START))
            assert await db.read(statuses) == [(7, 0, 3)]

    asyncio.run(run())


def test_what_a_dead_worker_left_waits_again(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7), letter(8, "x@x.test")]))
            await db.write(lambda tx: claims.claim(tx, [101, 102], START, 9))
            await db.write(lambda tx: claims.renew(tx, [102], START + 2 * LEASE_MS))
            at = START + LEASE_MS + 1
            dead = await db.read(lambda tx: claims.lapsed(tx, at))
            assert dead == {101: START + LEASE_MS}
            dead |= {102: START + LEASE_MS}  # it was renewed since
            assert await db.write(lambda tx: claims.recover(tx, at, [], dead=dead)) == []
            found = await db.write(lambda tx: claims.claim(tx, [103, 104], at, 9))
            assert names(found) == [("other.test", [7])]
            late = Settled(7, (Outcome(0, 101, "other.test", "done"),))
            gone = await db.write(
                lambda tx: settling.settle(tx, None, [late], at)  # type: ignore[arg-type]
            )
            assert gone == [set()]  # the old lease counts no more
            await db.write(lambda tx: claims.recover(tx, at, []))
            assert await db.read(statuses) == [(7, 0, 0), (8, 0, 0)]
            assert len(await db.write(lambda tx: claims.claim(tx, [105, 106], at, 9))) == 2
            await db.read(counted)

    asyncio.run(run())


def test_what_one_dead_process_had_is_found_by_its_node(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7), letter(8, "x@x.test")]))
            mine, its = 5 << 21 | 1, 5 << 21 | 3 << 13 | 1
            await db.write(lambda tx: claims.claim(tx, [mine, its], START, 9))
            assert await db.write(lambda tx: claims.inherit(tx, START, [8], 3)) == []
            left = [status for _, _, status in await db.read(statuses)]
            assert sorted(left) == [0, 1]
            assert await db.read(lambda tx: tx.all("SELECT id FROM lease")) == [(mine,)]
            assert await db.write(lambda tx: claims.inherit(tx, START, [8], 3)) == [8]
            assert (8, 0, 2) in await db.read(statuses)
            await db.read(counted)

    asyncio.run(run())


def test_a_letter_that_kills_twice_is_quarantined_and_can_be_released(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7, "a@x.test", "b@y.test"), letter(8)]))
            for lease, expected in ((101, []), (201, [7])):
                await db.write(
                    lambda tx, lease=lease: claims.claim(  # type: ignore[misc]
                        tx, range(lease, lease + 9), START, 9
                    )
                )
                found = await db.write(lambda tx: claims.recover(tx, START, [7, 404]))
                assert found == expected
            assert await db.read(statuses) == [(7, 0, 2), (7, 1, 2), (8, 0, 0)]
            rest = await db.write(lambda tx: claims.claim(tx, [301, 302], START, 9))
            assert names(rest) == [("other.test", [8])]
            await db.write(lambda tx: changes.release(tx, [7]))
            found = await db.write(lambda tx: claims.recover(tx, START, [7], dead={}))
            assert found == []  # counted from nothing again
            assert await db.write(lambda tx: claims.crashed(tx, 7)) == 2
            assert await db.write(lambda tx: claims.crashed(tx, 404)) == 0
            await db.write(lambda tx: claims.quarantine(tx, [7]))
            assert (await db.read(statuses))[:2] == [(7, 0, 2), (7, 1, 2)]
            await db.read(counted)

    asyncio.run(run())


def test_what_is_born_claimed_is_nobody_elses(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            queued, (one,) = letter(7)
            born = Outgoing(7, 0, one.recipient, one.destination, lease=500)
            await db.write(lambda tx: claims.open_lease(tx, 500, "", START + LEASE_MS))
            await db.write(lambda tx: add(tx, [(queued, [born])]))
            assert await db.write(lambda tx: claims.claim(tx, [101], START, 9)) == []
            ready = await db.read(lambda tx: tx.all("SELECT ready_at FROM destination"))
            assert ready == [(NEVER,)]
            await db.write(lambda tx: claims.recover(tx, START, []))
            assert names(await db.write(lambda tx: claims.claim(tx, [102], START, 9))) == [
                ("other.test", [7])
            ]

    asyncio.run(run())


def test_a_damaged_row_is_put_aside_and_the_rest_flows(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: add(tx, [letter(7), letter(8)]))
            await db.write(
                lambda tx: tx.execute("UPDATE queued SET sender = :bad WHERE id = 7", bad=b"a\rb")
            )
            batches = await db.write(lambda tx: claims.claim(tx, [101], START, 9))
            assert names(batches) == [("other.test", [8])]
            assert await db.read(statuses) == [(7, 0, 2), (8, 0, 1)]
            await db.read(counted)

    asyncio.run(run())


def test_what_is_claimed_under_no_lease_is_found(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            queued, (one,) = letter(7)
            orphan = Outgoing(7, 0, one.recipient, one.destination, lease=500)
            await db.write(lambda tx: add(tx, [(queued, [orphan])]))
            await db.write(lambda tx: claims.recover(tx, START, [], dead={}))
            assert await db.read(statuses) == [(7, 0, 0)]
            await db.read(counted)

    asyncio.run(run())


def test_a_lease_that_goes_on_gives_back_some_letters(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            some = [letter(7), letter(8)]
            await db.write(lambda tx: claims.open_lease(tx, 500, "", START + LEASE_MS))
            for queued, (one,) in some:
                born = Outgoing(queued.id, 0, one.recipient, one.destination, lease=500)
                await db.write(lambda tx, q=queued, b=born: add(tx, [(q, [b])]))  # type: ignore[misc]
            pace = Pace(1, 1, START + 60_000, "451 no")
            await db.write(lambda tx: claims.give_back(tx, 500, [7], "other.test", pace, START))
            assert await db.read(statuses) == [(7, 0, 0), (8, 0, 1)]
            row = await db.read(lambda tx: tx.one("SELECT paused_until FROM destination"))
            assert row == (START + 60_000,)
            await db.read(counted)

    asyncio.run(run())


class Explaining:
    """A transaction that keeps the plan of each question it is asked."""

    def __init__(self, tx: Tx, plans: list[str]) -> None:
        self._tx = tx
        self._plans = plans

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def all(self, sql: str, **values: Any) -> list[Row]:
        """As the transaction does it."""
        self._plans += [row[3] for row in self._tx.all(f"EXPLAIN QUERY PLAN {sql}", **values)]
        return self._tx.all(sql, **values)

    def one(self, sql: str, **values: Any) -> Row | None:
        """As the transaction does it."""
        self._plans += [row[3] for row in self._tx.all(f"EXPLAIN QUERY PLAN {sql}", **values)]
        return self._tx.one(sql, **values)


def test_a_million_is_claimed_by_index_alone(database: Opener) -> None:
    """What a claim asks walks indexes in their order and sorts nothing."""

    async def run() -> None:
        async with database() as db:
            if db.engine != "sqlite":
                return
            await db.write(lambda tx: add(tx, [letter(7)]))
            plans: list[str] = []
            await db.write(
                lambda tx: claims.claim(cast("Tx", Explaining(tx, plans)), [101, 102], START, 9)
            )
            assert len([line for line in plans if line.startswith("SEARCH")]) >= 4
            await db.read(lambda tx: claims.next_ready(cast("Tx", Explaining(tx, plans)), START))
            indexes = ("destination_ready", "destination_failing", "delivery_due")
            for index in indexes:
                assert [line for line in plans if f"INDEX {index}" in line], (index, plans)
            walks = [line for line in plans if line.startswith("SCAN")]
            assert not [line for line in walks if "INDEX" not in line and "soon" not in line]
            assert not [line for line in plans if "TEMP B-TREE" in line]

    asyncio.run(run())
