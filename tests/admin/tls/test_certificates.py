"""What is ordered when, and what is left of an order that came to nothing."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from postroom.admin import domains
from postroom.admin.office import Office
from postroom.admin.tls import certificates
from postroom.config.acme import Acme
from postroom.config.model import Config, Dns, Tls
from postroom.directory import certificates as rows
from postroom.directory.sealing import seal
from postroom.errors import NotFound, Refused
from postroom.net.dns import Resolver
from postroom.net.tls import self_signed
from postroom.telemetry.events import CertificateFailed
from rig.dns import DnsServer
from tests.admin.bureau import offices
from tests.admin.dns.test_table import configured
from tests.conftest import Opener
from tests.directory.keys import quick
from tests.fakes import Clock, Recorder

CONFIG = Config(
    hostname="mx.demo.test",
    dns=Dns(public_addresses=("192.0.2.5",)),
    acme=Acme(accept_terms=True, directory="https://127.0.0.1:9/dir"),  # nobody is there
)
ZONE = {
    ("mx.demo.test", "A"): ["192.0.2.5"],
    ("autoconfig.demo.test", "CNAME"): ["mx.demo.test."],
    ("mta-sts.demo.test", "A"): ["192.0.2.5"],
    ("mta-sts.demo.test", "AAAA"): ["2001:db8::1"],  # where the authority would ask first
    ("autodiscover.demo.test", "A"): ["192.0.2.6"],
}

Story = Callable[[Office, Resolver, Clock], Awaitable[None]]


def tell(database: Opener, data: Path, story: Story, config: Config = CONFIG) -> None:
    async def inside() -> None:
        clock = Clock()
        async with offices(database, data, clock)() as opened, DnsServer(ZONE) as server:
            office = configured(opened, config)
            await domains.add(office, "demo.test", generate=quick)
            resolver = Resolver([server.address])
            try:
                await story(office, resolver, clock)
            finally:
                await resolver.close()

    asyncio.run(inside())


def test_what_leads_here_is_ordered_and_a_failure_waits_longer_each_time(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def story(office: Office, resolver: Resolver, clock: Clock) -> None:
        told: list[int] = []

        async def ordered() -> None:
            told.append(len(events.of(CertificateFailed)))

        assert await certificates.see_to_all(office, resolver=resolver, ordered=ordered) == 2
        assert told == [1, 2]  # after each of them
        found = await certificates.every(office)
        assert [one.name for one in found] == ["autoconfig.demo.test", "mx.demo.test"]
        assert all("refused" in one.problem and one.issued is None for one in found)
        assert await certificates.see_to_all(office, resolver=resolver) == 0
        waits = []
        for _ in range(2):
            held = await office.directory.look(lambda tx: rows.find(tx, "mx.demo.test"))
            assert held is not None
            waits.append((held.due - office.now()) // certificates.HOUR_MS)
            clock.now = held.due
            assert await certificates.see_to_all(office, resolver=resolver) == 2
        assert waits == [1, 2]
        assert await certificates.named(office) == []

    tell(database, data, story)


def test_a_certificate_keeps_its_name_and_key_whichever_names_lead_here(
    database: Opener, data: Path
) -> None:
    async def story(office: Office, resolver: Resolver, clock: Clock) -> None:
        await certificates.see_to_all(office, resolver=resolver)
        before = await office.directory.look(rows.listing)
        clock.advance(days=2)
        async with DnsServer({**ZONE, ("demo.test", "A"): ["192.0.2.5"]}) as changed:
            other = Resolver([changed.address])
            assert await certificates.see_to_all(office, resolver=other) == 2
            await other.close()
        after = await office.directory.look(rows.listing)
        assert [(one.name, one.key) for one in before] == [(one.name, one.key) for one in after]

    tell(database, data, story)


def test_that_of_a_domain_that_was_removed_is_forgotten(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        await certificates.see_to_all(office, resolver=resolver)
        seal_key, now = office.directory.secrets.seal, office.now()
        before = seal(seal_key, b"key", rows.context("mx.before.test"))
        await office.db.write(lambda tx: rows.want(tx, "mx.before.test", before, now))
        held = [one.name for one in await certificates.every(office)]
        assert held == ["autoconfig.demo.test", "mx.before.test", "mx.demo.test"]
        await domains.remove(office, "demo.test")
        without = configured(office, Config(hostname="mx.demo.test"))  # nothing is ordered
        assert await certificates.see_to_all(without, resolver=resolver) == 0
        assert [one.name for one in await certificates.every(office)] == ["mx.demo.test"]

    tell(database, data, story)


def test_failures_make_the_pauses_longer_up_to_a_day() -> None:
    hours = [certificates.pause(failures) // certificates.HOUR_MS for failures in range(8)]
    assert hours == [1, 2, 4, 8, 16, 24, 24, 24]


def test_nothing_is_ordered_without_consent(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        assert await certificates.see_to_all(office, resolver=resolver) == 0
        assert await certificates.every(office) == []
        with pytest.raises(Refused, match="accept_terms = true"):
            await certificates.renew(office, "mx.demo.test", resolver=resolver)

    tell(database, data, story, msgspec.structs.replace(CONFIG, acme=Acme()))


def test_a_certificate_from_a_file_is_not_ordered_beside(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        await certificates.see_to_all(office, resolver=resolver)
        held = [(one.name, bool(one.file)) for one in await certificates.every(office)]
        assert held == [("mx.demo.test", True), ("autoconfig.demo.test", False)]

    tls = Tls(certificate="/c.pem", key="/k.pem")
    tell(database, data, story, msgspec.structs.replace(CONFIG, tls=tls))


def test_an_order_by_hand_says_what_went_wrong(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        with pytest.raises(Refused, match=r"no certificate for mx\.demo\.test: .*refused"):
            await certificates.renew(office, "mx.demo.test", resolver=resolver)
        with pytest.raises(NotFound, match="DNS does not lead it here"):
            await certificates.renew(office, "autodiscover.demo.test", resolver=resolver)

    tell(database, data, story)


def test_one_that_is_there_is_renewed_when_two_thirds_are_over_or_a_name_is_missing(
    database: Opener, data: Path
) -> None:
    async def story(office: Office, resolver: Resolver, clock: Clock) -> None:
        with pytest.raises(Refused):
            await certificates.renew(office, "mx.demo.test", resolver=resolver)
        path, _ = self_signed("mx.demo.test", data, dt.datetime.now(dt.UTC))
        chain = await asyncio.to_thread(path.read_text)
        day, now = certificates.DAY_MS, office.now()

        async def holds(names: list[str], due: int) -> None:
            await office.db.write(
                lambda tx: rows.put(
                    tx, "mx.demo.test", names, chain, issued=now, expires=now + 90 * day, due=due
                )
            )

        async def ordered() -> int:
            count = await certificates.see_to_all(office, resolver=resolver)
            held = await office.directory.look(lambda tx: rows.find(tx, "mx.demo.test"))
            assert held is not None
            assert held.chain == chain  # whatever comes of it, the old one stays
            return count - (count > held.failures)  # the other certificate is ordered as well

        await certificates.see_to_all(office, resolver=resolver)
        await holds(["mx.demo.test"], now + day)
        assert await ordered() == 0
        clock.now = now + day + 1  # due for a look; the authority can't be asked: not yet
        assert await ordered() == 0
        held = await office.directory.look(lambda tx: rows.find(tx, "mx.demo.test"))
        assert held is not None
        assert held.due == clock.now + day
        clock.now = now + 61 * day
        assert await ordered() == 1
        await holds(["old.demo.test"], clock.now + day)
        assert await ordered() == 1
        (named,) = await certificates.named(office)
        assert named.names == ("old.demo.test",)
        key = load_pem_private_key(named.key, None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)

    tell(database, data, story)
