"""A domain's records beside what a zone has, from nothing to all right."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from postroom.admin import domains
from postroom.admin.dns import table
from postroom.admin.dns.table import Row
from postroom.admin.office import Office
from postroom.config.model import Config, Dns, Listen
from postroom.errors import NotFound
from postroom.net.dns import Resolver
from postroom.net.tls import key_digest, self_signed
from rig.dns import DnsServer
from tests.admin.bureau import offices
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock

CONFIG = Config(
    hostname="mx.demo.test",
    dns=Dns(public_addresses=("192.0.2.5",)),
    listen=(
        Listen(protocol="smtp", port=25),
        Listen(protocol="imaps", port=993),
        Listen(protocol="submissions", port=465),
        Listen(protocol="http", address="127.0.0.1", port=80),
        Listen(protocol="https", port=443),
    ),
)
DELEGATION = {("demo.test", "NS"): ["ns.demo.test."], ("ns.demo.test", "A"): ["127.0.0.1"]}

Zone = dict[tuple[str, str], list[str]]


def configured(office: Office, config: Config) -> Office:
    return Office(
        config=msgspec.structs.replace(config, data=office.config.data),
        db=office.db,
        directory=office.directory,
        store=office.store,
        blobs=office.blobs,
        notify=office.notify,
        ids=office.ids,
        clock=office.clock,
    )


def as_zone(rows: list[Row]) -> Zone:
    zone: Zone = {**DELEGATION}
    for row in rows:
        zone.setdefault((row.name, row.type), []).append(row.value)
    return zone


async def look(office: Office, server: DnsServer) -> dict[tuple[str, str], Row]:
    resolver = Resolver([server.address])
    try:
        rows = await table.check(office, "demo.test", resolver=resolver, port=server.port)
    finally:
        await resolver.close()
    return {(row.name, row.type): row for row in rows}


def test_from_an_empty_zone_to_one_where_all_is_right(database: Opener, data: Path) -> None:
    async def story() -> None:
        async with offices(database, data, Clock())() as opened, DnsServer(DELEGATION) as server:
            office = configured(opened, CONFIG)
            await domains.add(office, "demo.test", generate=quick)
            found = await look(office, server)
            assert {row.state for row in found.values()} == {"missing"}
            assert all(row.fix for row in found.values())
            zone = as_zone(list(found.values()))
            server.zone = zone
            found = await look(office, server)
            assert {key: row.fix for key, row in found.items() if row.state != "ok"} == {}
            zone["demo.test", "TXT"] = ["v=spf1 ip4:198.51.100.1 -all"]
            del zone["autoconfig.demo.test", "CNAME"]
            zone["autoconfig.demo.test", "A"] = ["192.0.2.5"]
            del zone["autodiscover.demo.test", "CNAME"]
            zone["autodiscover.demo.test", "A"] = ["192.0.2.6"]
            found = await look(office, server)
            assert {key[0]: row.fix for key, row in found.items() if row.state != "ok"} == {
                "demo.test": "it does not allow 192.0.2.5 to send; replace it by: "
                "v=spf1 mx ip4:198.51.100.1 -all",
                "autodiscover.demo.test": "add: autodiscover.demo.test. IN CNAME mx.demo.test.",
            }

    asyncio.run(story())


def test_records_come_without_asking_and_only_for_doors_the_world_reaches(
    database: Opener, data: Path
) -> None:
    async def story() -> None:
        async with offices(database, data, Clock())() as opened, DnsServer({}) as server:
            office = configured(opened, CONFIG)
            await domains.add(office, "demo.test", generate=quick)
            resolver = Resolver([server.address])
            rows = await table.records(office, "demo.test", resolver=resolver)
            assert {row.state for row in rows} == {None}
            names = {row.name for row in rows}
            assert "_imaps._tcp.demo.test" in names
            assert "_sieve._tcp.demo.test" not in names
            assert server.queries == []
            with pytest.raises(NotFound, match="postroom domain add other.test"):
                await table.records(office, "other.test", resolver=resolver)
            await resolver.close()

    asyncio.run(story())


def test_the_key_of_the_certificate_that_is_shown_is_told(database: Opener, data: Path) -> None:
    async def story() -> None:
        async with offices(database, data, Clock())() as opened, DnsServer({}) as server:
            office = configured(opened, CONFIG)
            await domains.add(office, "demo.test", generate=quick)
            resolver = Resolver([server.address])

            async def told() -> list[str]:
                rows = await table.records(office, "demo.test", resolver=resolver)
                return [row.value for row in rows if row.type == "TLSA"]

            assert await told() == []
            path, _ = self_signed("mx.demo.test", office.config.folder / "tls", datetime.now(UTC))
            assert await told() == [f"3 1 1 {key_digest(path)}"]
            await resolver.close()

    asyncio.run(story())
