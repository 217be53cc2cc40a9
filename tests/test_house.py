"""The parts of one server: they fit, and they end in order."""

import asyncio
from pathlib import Path

from postroom.access.indexer import Indexer
from postroom.admin.open import open_office
from postroom.config.model import Config, Dns, Search
from postroom.house import House
from postroom.store import textindex
from tests.access.shop import put
from tests.policy.test_origin import LETTER, STRANGER, found, zone


def test_a_house_is_built_delivers_and_closes(data: Path) -> None:
    async def run() -> None:
        config = Config(
            hostname="mail.demo.test", data=str(data), dns=Dns(servers=("127.0.0.1:9",))
        )
        async with open_office(config) as office:
            house = House(config, office)
            assert house.post.express is not None
            await house.check()
            house.deliver()
            figures = await house.gauges()
            assert figures["queue_deliveries"] == figures["connections"] == 0
            assert 0 <= figures["health"] <= 100
            house.reload()
            await house.close_doors()
            leases = await office.db.read(lambda tx: tx.all("SELECT id FROM lease"))
            assert leases == []

    asyncio.run(run())


def test_an_index_that_is_switched_off_is_dropped(data: Path) -> None:
    async def run() -> None:
        config = Config(hostname="mail.demo.test", data=str(data), search=Search(index=False))
        async with open_office(config) as office:
            await put(office.store, b"Subject: a\r\n\r\nbody\r\n")
            await Indexer(office.store, 1000).everything(1)
            house = House(config, office)
            await house.index()
            totals = await office.store.read(textindex.totals)
            assert (totals.pages, totals.waiting) == (0, 1)
            assert (await house.gauges())["search_waiting"] == 0
            await house.close_doors()

    asyncio.run(run())


def test_what_was_counted_for_reports_is_not_lost_at_the_end(data: Path) -> None:
    async def run() -> None:
        config = Config(hostname="mail.demo.test", data=str(data))
        async with open_office(config) as office:
            house = House(config, office)
            house.counts.count(
                await found(LETTER, STRANGER, zone("none; rua=mailto:d@a.test")), "pass"
            )
            await house.close_doors()
            rows = await office.db.read(lambda tx: tx.all("SELECT messages FROM dmarc_result"))
            assert rows == [(1,)]

    asyncio.run(run())


def test_a_house_that_never_delivered_closes_too(data: Path) -> None:
    async def run() -> None:
        config = Config(hostname="mail.demo.test", data=str(data))
        async with open_office(config) as office:
            await House(config, office).close_doors()

    asyncio.run(run())
