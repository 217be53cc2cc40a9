"""Connections to relays: logins, TLS as it was set, loops."""

import asyncio
from pathlib import Path

import pytest

from postroom.delivery.connector import demand_of, login_of
from postroom.delivery.peer import Demand
from postroom.directory import relays
from postroom.directory.relays import Relay, Use
from tests.delivery.sinks import authorities, served
from tests.delivery.station import alone, nothing_was_said, station


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("tls", ["starttls", "implicit", "none"])
def test_a_relay_with_a_login(mechanism: str, tls: str, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, ca_file=authorities(tmp_path)) as here:
            sink = here.sink
            sink.users, sink.mechanisms, sink.must_log_in = {"user": "geheim"}, (mechanism,), True
            if tls != "none":
                sink.tls = served("127.0.0.1")
            if tls == "implicit":
                await sink.__aexit__(None, None, None)
                sink.is_implicit = True
                await sink.__aenter__()
            await here.relay(password="geheim", tls=tls, verify=tls != "none")
            await here.send("you@anywhere.example")
            await here.run()
            [one] = sink.taken
            assert (one.login, one.tls) == ("user", "" if tls == "none" else "TLSv1.3")
            assert await here.waiting() == []

    asyncio.run(run())


def test_a_wrong_password_is_put_off_with_the_reason(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.users = {"user": "geheim"}
            await here.relay(password="falsch")
            await here.send("you@anywhere.example")
            await here.run()
            [one] = await here.waiting()
            assert (one.attempts, one.reply) == (
                1,
                "451 4.7.8 127.0.0.1 turns us away: 535 5.7.8 Wrong name or password",
            )
            assert await here.inbox(here.alice) == []
            assert here.sink.received == []

    asyncio.run(run())


def test_no_password_in_clear_to_a_relay_elsewhere(data: Path, tmp_path: Path) -> None:
    """An address that is not loopback, as far as the login is concerned."""
    relay = Relay(
        id=1, name="out", host="relay.example", port=587, tls="none", verify=False,
        login="user", mechanism="", preset="", created=0, has_password=True, password="geheim",
    )  # fmt: skip
    for addresses, is_clear in [
        (("192.0.2.1",), False), (("127.0.0.1", "192.0.2.1"), False), ((), False),
        (("127.0.0.1", "::1"), True),
    ]:  # fmt: skip
        found = login_of(relay, addresses)
        assert found is not None
        assert found.is_clear is is_clear
        assert not found.is_token
    assert demand_of(relay) == Demand("none", "relay.example")


def test_a_relay_that_does_not_offer_tls_gets_nothing(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.users = {"user": "geheim"}
            await here.relay(password="geheim", tls="starttls")
            await here.send("you@anywhere.example")
            await here.run()
            assert nothing_was_said(here)
            [one] = await here.waiting()
            assert one.reply == "454 4.7.4 The server does not offer STARTTLS"

    asyncio.run(run())


def test_a_relay_that_is_this_server_is_a_loop(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.name = "mx.home.test"
            await here.relay()
            await here.send("you@anywhere.example")
            await here.run()
            assert nothing_was_said(here)
            assert b"Status: 5.4.6" in (await here.inbox(here.alice))[0]

    asyncio.run(run())


def test_requiretls_and_a_relay_that_proves_nothing(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served("127.0.0.1")
            await here.relay(tls="starttls", verify=False)
            await here.send("you@anywhere.example", requiretls=True)
            await here.run()
            assert here.sink.conversations == []
            assert b"Status: 5.7.10" in (await here.inbox(here.alice))[0]

    asyncio.run(run())


def test_one_relay_for_many_domains_is_one_transaction(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.relay(Use("sender-domain", "home.test"))
            await here.send("a@one.example", "b@two.example", "c@three.example")
            await here.run()
            [one] = here.sink.taken
            assert sorted(one.recipients) == ["a@one.example", "b@two.example", "c@three.example"]

    asyncio.run(run())


def test_a_relay_whose_tls_fails_is_not_dead(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.relay(tls="implicit", verify=False)  # it speaks no TLS
            for recipient in ("you@one.example", "you@two.example"):
                await here.send(recipient)
                await here.run()
            first, second = [one.reply for one in await here.waiting()]
            assert first == second
            assert "a moment ago" not in first

    asyncio.run(run())


def test_a_connection_that_was_opened_on_other_terms_is_not_used(
    data: Path, tmp_path: Path
) -> None:
    """A postmaster changes a rule or a relay: it counts from the next message on."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.send("you@b.test")
            await here.run()
            await here.rule("b.test", "encrypt")
            await here.send("you@b.test")
            await here.run()
            [one] = await here.waiting()
            assert one.reply == "454 4.7.4 The server does not offer STARTTLS"
            assert len(here.sink.taken) == 1

            here.sink.users = {"us": "old"}
            old = await here.relay(login="us", password="old")
            await here.send("you@c.test")
            await here.run()
            assert [transaction.login for transaction in here.sink.taken] == ["", "us"]
            await here.town.directory.change(lambda tx: relays.remove(tx, old))
            await here.relay(login="us", password="new")
            await here.send("me@c.test")
            await here.run()
            assert "turns us away: 535" in (await here.waiting())[-1].reply
            assert len(here.sink.taken) == 2

    asyncio.run(run())
