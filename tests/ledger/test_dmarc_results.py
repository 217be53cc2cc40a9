"""Counts of a day: added up, told by day and domain, forgotten."""

import asyncio
from collections import Counter
from typing import Final

import msgspec

from postroom.ledger import dmarc_results
from postroom.ledger.dmarc_results import DAY_MS, MAX_ROW, Day, Result, fitting
from postroom.mailauth.feedback import Dkim, Published, Record, Row
from tests.conftest import Opener

DAY: Final = 20_717
ROW: Final = Row(source="192.0.2.1", disposition="none", dkim="fail", spf="fail", header_from="a.t")
OTHER: Final = msgspec.structs.replace(ROW, source="192.0.2.2")
POLICY: Final = Published(domain="a.test", p="none")


def test_counts_add_up(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            one = Result(DAY, "a.test", POLICY, ROW)
            other = Result(DAY, "a.test", POLICY, OTHER)
            later = Result(DAY + 1, "b.test", POLICY, ROW)
            await db.write(lambda tx: dmarc_results.add(tx, Counter({one: 2, other: 9, later: 1})))
            await db.write(lambda tx: dmarc_results.add(tx, Counter({one: 3})))
            found = await db.read(lambda tx: dmarc_results.of(tx, Day(DAY, "a.test"), 10))
            assert found == (POLICY, (Record(OTHER, 9), Record(ROW, 5)))
            some = await db.read(lambda tx: dmarc_results.of(tx, Day(DAY, "a.test"), 1))
            assert some == (POLICY, (Record(OTHER, 9),))
            assert await db.read(lambda tx: dmarc_results.of(tx, Day(DAY, "b.test"), 1)) is None

    asyncio.run(run())


def test_only_days_that_are_over_are_told(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            counts = Counter(
                {Result(day, "a.test", POLICY, ROW): 1 for day in (DAY - 8, DAY - 1, DAY)}
            )
            await db.write(lambda tx: dmarc_results.add(tx, counts))
            found = await db.read(lambda tx: dmarc_results.finished(tx, DAY))
            assert found == [Day(DAY - 8, "a.test"), Day(DAY - 1, "a.test")]
            assert await db.write(lambda tx: dmarc_results.purge(tx, DAY * DAY_MS)) == 1
            found = await db.read(lambda tx: dmarc_results.finished(tx, DAY))
            assert found == [Day(DAY - 1, "a.test")]

    asyncio.run(run())


def test_a_row_is_cut_to_what_an_index_takes(database: Opener) -> None:
    long = msgspec.structs.replace(
        ROW,
        header_from="h" * 255,
        envelope_from="e" * 255,
        signatures=tuple([Dkim(domain="d" * 253, selector=f"{n}" * 200) for n in range(10)]),
    )
    row = fitting(long)
    assert len(msgspec.json.encode(row)) <= MAX_ROW
    assert row.signatures == long.signatures[: len(row.signatures)]
    assert fitting(ROW) is ROW

    async def run() -> None:
        async with database() as db:
            one = Result(DAY, "d" * 253, POLICY, row)
            await db.write(lambda tx: dmarc_results.add(tx, Counter({one: 1})))

    asyncio.run(run())
