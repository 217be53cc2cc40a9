"""How mail would go, asked of a real DNS server."""

import dataclasses
from collections.abc import Callable

import msgspec
import pytest

from postroom.address import Domain
from postroom.admin import domains
from postroom.admin.office import Office
from postroom.admin.outgoing import relays, tls_rules, ways as module
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.admin.outgoing.ways import Ways, WayView
from rig.dns import DnsServer, Fault
from tests.admin.bureau import Story
from tests.delivery.stock import resolving
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
EE = "3 1 1 " + "ab" * 32
ZONE = {
    ("safe.test", "MX"): ["10 mx.safe.test."],
    ("mx.safe.test", "A"): ["9.9.9.9"],
    ("_25._tcp.mx.safe.test", "TLSA"): [EE],
    ("usual.test", "MX"): ["10 mx.usual.test."],
    ("mx.usual.test", "A"): ["9.9.9.8"],
    ("null.test", "MX"): ["0 ."],
    ("ruled.test", "MX"): ["10 mx.usual.test."],
}


def test_each_way_is_told_in_words(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await tls_rules.put(office, "ruled.test", "verify")
        dns = DnsServer(ZONE, is_authentic=True, faults={("dead.test", "MX"): Fault.SERVFAIL})
        async with resolving(dns) as resolver:
            ways = Ways(office, resolver)

            async def way(domain: str) -> WayView:
                (found,) = await ways.of(1, Domain("demo.test"), [Domain.parse(domain)] * 2)
                return found

            assert await way("demo.test") == WayView("demo.test", "safe", "it stays on this server")
            for domain, level, words in (
                ("safe.test", "safe", "mx.safe.test is proven by DANE"),
                ("usual.test", "usual", "encrypted if mx.usual.test offers that"),
                ("ruled.test", "safe", "proven by a rule of the postmaster"),
                ("null.test", "none", "takes no mail"),
                ("nowhere.test", "none", "does not exist"),
                ("dead.test", "unknown", "does not answer"),
            ):
                found = await way(domain)
                assert (found.domain, found.level) == (domain, level)
                assert words in found.words
            wanted = Wanted(host="relay.test", port=465, tls="implicit")
            await relays.add(office, "all", wanted, [UseView("default")])
            assert (await way("safe.test")).words.startswith("it goes encrypted to relay.test")
            delivery = msgspec.structs.replace(office.config.delivery, capture=True)
            config = msgspec.structs.replace(office.config, delivery=delivery)
            ways = Ways(dataclasses.replace(office, config=config), resolver)
            assert "filed for outbound" in (await way("safe.test")).words
            many = [Domain(f"d{number}.test") for number in range(module.MOST + 5)]
            assert len(await ways.of(1, Domain("demo.test"), many)) == module.MOST

    tell(story)


def test_a_domain_that_takes_too_long_is_not_waited_for(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.01)

    async def story(office: Office, _clock: Clock) -> None:
        dns = DnsServer(faults={("", ""): Fault.SILENT})
        async with resolving(dns) as resolver:
            (found,) = await Ways(office, resolver).of(1, Domain("a.test"), [Domain("b.test")])
            assert found.level == "unknown"

    tell(story)
