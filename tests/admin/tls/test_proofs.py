"""Which ways there are to prove a name, and what stands where while it is proven."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from postroom.admin.dns import providers
from postroom.admin.dns.providers import New
from postroom.admin.office import Office
from postroom.admin.tls import proofs
from postroom.config.acme import Acme
from postroom.config.model import Listen, ListenProtocol
from postroom.directory import certificates as rows
from postroom.net.acme import AcmeFailed
from postroom.net.acme_child import Challenge
from postroom.net.dns import Resolver
from rig.dns import DnsServer
from rig.ports import free_port
from rig.providers import TOKEN, Desec
from tests.admin.bureau import offices
from tests.conftest import Opener
from tests.fakes import Clock

NAME = "mx.demo.test"
Told = Callable[[Office, Desec, Resolver], Awaitable[None]]


def tell(database: Opener, data: Path, story: Told) -> None:
    async def inside() -> None:
        async with offices(database, data, Clock())() as office, DnsServer({}) as names:
            resolver = Resolver([names.address])
            with Desec("demo.test") as api:
                new = New(
                    name="home", kind="desec", zones=["demo.test"], secret=TOKEN, server=api.url,
                    authorities=api.trust,
                )  # fmt: skip
                await providers.add(office, new, resolver=resolver)
                await story(office, api, resolver)
            await resolver.close()

    asyncio.run(inside())


def having(office: Office, *doors: ListenProtocol, challenge: str = "auto") -> Office:
    listen = tuple(Listen(protocol=one, address="127.0.0.1", port=free_port()) for one in doors)
    acme = msgspec.convert({"challenge": challenge}, Acme)
    return dataclasses.replace(
        office, config=msgspec.structs.replace(office.config, listen=listen, acme=acme)
    )


async def no_pause(_seconds: float) -> None:
    return


def test_what_is_there_can_prove(database: Opener, data: Path) -> None:
    async def story(office: Office, _api: Desec, _resolver: Resolver) -> None:
        cases: list[tuple[Office, str, list[Challenge]]] = [
            (having(office, "http", "https"), NAME, ["http-01", "tls-alpn-01", "dns-01"]),
            (having(office, "http"), "mx.other.test", ["http-01"]),
            (having(office, "https"), "mx.other.test", ["tls-alpn-01"]),
            (having(office, "smtp"), NAME, ["dns-01"]),
            (having(office, "smtp"), "mx.other.test", []),
            (having(office, "http", challenge="dns-01"), "mx.other.test", ["dns-01"]),
            (office, NAME, ["http-01", "tls-alpn-01", "dns-01"]),
        ]
        for one, name, expected in cases:
            assert await proofs.ways(one, [name]) == expected

    tell(database, data, story)


def test_over_http_an_answer_stands_at_its_token(database: Opener, data: Path) -> None:
    async def story(office: Office, _api: Desec, resolver: Resolver) -> None:
        async with proofs.proving(office, "http-01", resolver) as prover:
            await prover.prove(NAME, "token", "answer")
            await prover.ready()
        assert await office.db.read(lambda tx: rows.challenge(tx, "token")) == "answer"
        assert await office.db.read(lambda tx: rows.handshakes(tx, office.now())) == {}

    tell(database, data, story)


def test_in_dns_a_text_stands_beside_others_and_is_taken_away(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        place = ("_acme-challenge.mx", "TXT")
        api.rrsets[place] = ['"of somebody else"']
        with pytest.raises(RuntimeError):
            async with proofs.proving(office, "dns-01", resolver, sleep=no_pause) as prover:
                await prover.prove(NAME, "t", "one")
                await prover.prove(NAME, "t", "two")
                await prover.ready()
                assert api.rrsets[place] == ['"of somebody else"', '"one"', '"two"']
                raise RuntimeError
        assert api.rrsets[place] == ['"of somebody else"']

    tell(database, data, story)


def test_in_dns_what_fails_is_told(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        async with proofs.proving(office, "dns-01", resolver) as prover:
            await prover.prove("mx.other.test", "t", "one")
            with pytest.raises(AcmeFailed, match="no provider keeps the zone"):
                await prover.ready()
        async with proofs.proving(office, "dns-01", resolver) as prover:
            await prover.prove(NAME, "t", "one")
            api.fault = 503, {}, {}
            with pytest.raises(AcmeFailed, match="home: .*503"):
                await prover.ready()

    tell(database, data, story)


def test_in_a_handshake_the_own_door_must_show_it_first(database: Opener, data: Path) -> None:
    async def story(opened: Office, _api: Desec, resolver: Resolver) -> None:
        office = having(opened, "https")
        pauses: list[float] = []

        async def sleep(seconds: float) -> None:
            pauses.append(seconds)
            shown = await office.db.read(lambda tx: rows.handshakes(tx, office.now()))
            assert shown == {NAME: "answer"}

        async with proofs.proving(office, "tls-alpn-01", resolver, sleep=sleep) as prover:
            await prover.prove(NAME, "token", "answer")
            with pytest.raises(AcmeFailed, match="is the server running"):
                await prover.ready()
        assert pauses
        assert await office.db.read(lambda tx: rows.handshakes(tx, office.now())) == {}
        async with proofs.proving(having(opened, "smtp"), "tls-alpn-01", resolver) as prover:
            with pytest.raises(AcmeFailed, match="needs an https listener"):
                await prover.ready()

    tell(database, data, story)
