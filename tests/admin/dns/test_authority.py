"""The servers of a zone are found and asked, not those who remember."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from postroom.admin.dns.authority import Authorities, NoZone
from postroom.net.dns import Resolver
from postroom.net.dns_records import LookupFailed
from rig.dns import DnsServer, Fault

DELEGATION = {
    ("example.test", "NS"): ["ns1.example.test."],
    ("ns1.example.test", "A"): ["127.0.0.1"],
    ("www.example.test", "A"): ["192.0.2.1"],  # what is remembered
    ("test", "SOA"): ["ns. root. 1 1 1 1 60"],
}


@contextlib.asynccontextmanager
async def authorities(cache: DnsServer, port: int) -> AsyncIterator[Authorities]:
    resolver = Resolver([cache.address])
    found = Authorities(resolver, port=port)
    try:
        yield found
    finally:
        await found.close()
        await resolver.close()


def test_the_zone_itself_is_asked_once_found() -> None:
    async def story() -> None:
        fresh = {("www.example.test", "A"): ["192.0.2.9"]}
        async with (
            DnsServer(DELEGATION) as cache,
            DnsServer(fresh, recurses=False) as zone,
            authorities(cache, zone.port) as asked,
        ):
            for _ in range(2):
                found = await asked.lookup("www.example.test", "A")
                assert found.records == ("192.0.2.9",)
            missing = await asked.lookup("nothing.example.test", "TXT")
            assert missing.records == ()
            assert cache.count("example.test", "NS") == 1
            assert cache.count("www.example.test", "A") == 0

    asyncio.run(story())


def test_an_alias_does_not_lead_to_the_servers_of_another_zone() -> None:
    elsewhere = {
        **DELEGATION,
        ("autoconfig.example.test", "CNAME"): ["old.test."],
        ("old.test", "NS"): ["ns.old.test."],
        ("ns.old.test", "A"): ["127.0.0.2"],
        ("mail.example.test", "CNAME"): ["gone.old.test."],
    }

    async def story() -> None:
        own = {
            ("autoconfig.example.test", "CNAME"): ["old.test."],
            ("mail.example.test", "CNAME"): ["gone.old.test."],
        }
        async with (
            DnsServer(elsewhere, faults={("mail.example.test", "NS"): Fault.SERVFAIL}) as cache,
            DnsServer(own, recurses=False) as zone,
            authorities(cache, zone.port) as asked,
        ):
            found = await asked.lookup("autoconfig.example.test", "CNAME")
            assert found.records == ("old.test",)
            found = await asked.lookup("mail.example.test", "CNAME")
            assert found.records == ("gone.old.test",)

    asyncio.run(story())


def test_a_name_without_a_zone_is_told() -> None:
    async def story() -> None:
        async with DnsServer({}) as cache, authorities(cache, cache.port) as asked:
            with pytest.raises(NoZone, match=r"responsible for www\.example\.test"):
                await asked.lookup("www.example.test", "A")

    asyncio.run(story())


def test_trouble_is_no_fact() -> None:
    async def story() -> None:
        async with (
            DnsServer(DELEGATION) as cache,
            DnsServer({}, faults={("", ""): Fault.SERVFAIL}) as zone,
            authorities(cache, zone.port) as asked,
        ):
            with pytest.raises(LookupFailed, match="SERVFAIL"):
                await asked.lookup("www.example.test", "A")
            cache.faults["", ""] = Fault.REFUSED
            with pytest.raises(LookupFailed, match="REFUSED"):
                await asked.lookup("www.other.test", "A")

    asyncio.run(story())


def test_servers_without_an_address_are_told() -> None:
    async def story() -> None:
        delegation = {("example.test", "NS"): ["ns1.nowhere.test."]}
        async with DnsServer(delegation) as cache, authorities(cache, cache.port) as asked:
            with pytest.raises(LookupFailed, match="no address"):
                await asked.lookup("www.example.test", "A")

    asyncio.run(story())
