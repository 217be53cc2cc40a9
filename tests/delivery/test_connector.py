"""Hosts in order, each as securely as it must be; relays."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from postroom.delivery.connector import Candidate, Unusable
from postroom.delivery.dead_hosts import PAUSE_MS
from postroom.delivery.router import Way
from postroom.directory import sts_policies
from postroom.directory.tls_rules import Mode
from postroom.ledger import tls_results
from postroom.ledger.tls_results import DAY_MS
from postroom.mailauth import sts
from rig.dns import Fault
from rig.smtp import Act, Answer
from tests.delivery.sinks import authorities, served
from tests.delivery.station import Station, alone, nothing_was_said, notice_of, station

SECURE: tuple[Mode, ...] = ("encrypt", "verify")


async def results(here: Station) -> str:
    """All kinds of TLS results that were counted, as text."""
    await here.counts.flush()
    return repr(await here.db.read(lambda tx: tx.all("SELECT * FROM tls_result")))


async def outcomes(here: Station) -> list[tuple[str, str | None, int]]:
    """(type of policy, failure, sessions) that were counted, by domain."""
    await here.counts.flush()
    day = here.clock() // DAY_MS
    names = await here.db.read(lambda tx: tls_results.domains(tx, day))
    found = [await here.db.read(partial(tls_results.of, day=day, domain=name)) for name in names]
    return [
        (one.policy.policy_type, getattr(one.failure, "result_type", None), one.sessions)
        for results in found
        for one in results
    ]


# Rules


@pytest.mark.parametrize("mode", SECURE)
@pytest.mark.parametrize(
    "answer",
    ["stripped", "454 4.7.0 Later", Act.BREAK, Act.INJECT, Act.DROP],
)
def test_a_rule_is_never_given_up(mode: Mode, answer: Answer, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, ca_file=authorities(tmp_path)) as here:
            if answer != "stripped":
                here.sink.tls = served()
                here.sink.fault("STARTTLS", answer)
            await here.rule("b.test", mode)
            await here.send("you@b.test")
            for _ in range(3):
                await here.until_quiet(hours=0.2)
            assert nothing_was_said(here)
            [one] = await here.waiting()
            assert one.attempts == 3
            assert one.reply.startswith(("451 4.", "454 4.7."))

    asyncio.run(run())


@pytest.mark.parametrize(
    ("mode", "names", "is_sent"),
    [
        ("encrypt", ["other.test"], True),
        ("verify", ["mx.b.test"], True),
        ("verify", ["other.test"], False),
        ("may", ["other.test"], True),
        ("none", ["mx.b.test"], True),
    ],
)
def test_what_a_rule_asks_for(
    mode: Mode, names: list[str], *, is_sent: bool, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, ca_file=authorities(tmp_path)) as here:
            here.sink.tls = served(*names)
            await here.rule("b.test", mode)
            await here.send("you@b.test")
            await here.run()
            if not is_sent:
                assert nothing_was_said(here)
                [one] = await here.waiting()
                assert one.reply.startswith("454 4.7.5 The certificate is not good: Hostname")
                assert "certificate-host-mismatch" in await results(here)
                return
            [one_] = here.sink.taken
            assert one_.tls == ("" if mode == "none" else "TLSv1.3")

    asyncio.run(run())


def test_a_certificate_of_nobody_known(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served()
            await here.rule("b.test", "verify")
            await here.send("you@b.test")
            await here.run()
            assert nothing_was_said(here)
            assert "certificate-not-trusted" in await results(here)

    asyncio.run(run())


# Without a rule


@pytest.mark.parametrize("answer", [Act.BREAK, Act.DROP, "421 4.7.0 Enough"])
def test_opportunistic_tls_that_breaks_is_repeated_in_clear(
    answer: Answer, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served()
            here.sink.fault("STARTTLS", answer)
            await here.send("you@b.test")
            await here.run()
            assert here.sink.verbs(0) == ["EHLO", "STARTTLS"]
            assert here.sink.verbs(1)[:2] == ["EHLO", "MAIL"]
            assert [one.tls for one in here.sink.taken] == [""]
            assert "validation-failure" in await results(here)

    asyncio.run(run())


def test_octets_behind_220_end_the_attempt(data: Path, tmp_path: Path) -> None:
    """Somebody sits in between (CVE-2021-38371): nothing is sent past him, in clear neither."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served()
            here.sink.fault("STARTTLS", Act.INJECT)
            await here.send("you@b.test")
            await here.run()
            assert nothing_was_said(here)
            assert len(here.sink.conversations) == 1
            [one] = await here.waiting()
            assert one.reply == (
                "451 4.5.0 The server broke the protocol: octets came after 220 before TLS began"
            )
            here.sink.heal()
            await here.until_quiet()
            assert [one.tls for one in here.sink.taken] == ["TLSv1.3"]

    asyncio.run(run())


def test_a_server_that_is_busy_inside_tls_is_not_sent_to_in_clear(
    data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served()
            here.sink.fault("EHLO", "421 4.3.2 Not now", after=1)
            await here.send("you@b.test")
            await here.run()
            assert here.sink.verbs(0) == ["EHLO", "STARTTLS", "EHLO"]
            assert len(here.sink.conversations) == 1
            assert [one.reply for one in await here.waiting()] == ["421 4.3.2 Not now"]

    asyncio.run(run())


def test_a_host_that_is_this_server_is_a_loop(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.name = "MX.home.test"
            await here.send("you@b.test")
            await here.run()
            assert nothing_was_said(here)
            [notice] = await here.inbox(here.alice)
            assert notice_of(notice)[1] == "failed"
            assert b"Status: 5.4.6" in notice

    asyncio.run(run())


def test_a_private_address_gets_nothing_unless_it_may(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, allow_private=()) as here:
            await here.send("you@b.test")
            await here.run()
            assert here.sink.conversations == []
            [notice] = await here.inbox(here.alice)
            assert b"Status: 5.4.4" in notice

    asyncio.run(run())


@pytest.mark.parametrize("recipient", ["you@[127.0.0.1]", "you@nowhere.test", "you@null.test"])
def test_literals_and_nowhere(recipient: str, data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served()
            here.dns.zone = {**here.dns.zone, ("null.test", "MX"): ["0 ."]}
            await here.send(recipient)
            await here.run()
            if "[" in recipient:
                assert [one.tls for one in here.sink.taken] == ["TLSv1.3"]
            else:
                assert here.sink.conversations == []
                [notice] = await here.inbox(here.alice)
                assert (b"Status: 5.1.10" if "null" in recipient else b"Status: 5.1.2") in notice
                assert b"Diagnostic-Code: X-Postroom; The domain " in notice
                assert b"    What happened:\r\n    > The domain " in notice
                assert b" said:" not in notice

    asyncio.run(run())


def test_a_machine_that_is_down_is_tried_once_for_all_its_domains(
    data: Path, tmp_path: Path
) -> None:
    """``mx.b.test`` and ``mx.c.test`` are one machine."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.sink.__aexit__(None, None, None)
            await here.send("you@b.test")
            await here.run()
            await here.sink.__aenter__()
            here.advance(PAUSE_MS - 1)
            await here.send("you@c.test")
            await here.run()
            assert here.sink.conversations == []
            first, second = [one.reply for one in await here.waiting()]
            assert first == "451 4.4.1 mx.b.test: 127.0.0.1: Connection refused"
            assert second == "451 4.4.1 mx.c.test: 127.0.0.1: Connection refused a moment ago"
            here.advance(1)
            await here.send("you@b2.test")
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["you@b2.test"]]
            await here.until_quiet()
            assert await here.waiting() == []

    asyncio.run(run())


# MTA-STS


@pytest.mark.parametrize(
    ("mode", "mx", "has_tls", "is_sent"),
    [
        ("enforce", "mx.b.test", True, True),
        ("enforce", "mx.b.test", False, False),
        ("enforce", "elsewhere.test", True, False),
        ("testing", "mx.b.test", False, True),
        ("testing", "elsewhere.test", True, True),
    ],
)
def test_a_policy_of_the_domain(
    mode: Literal["enforce", "testing"],
    mx: str,
    *,
    has_tls: bool,
    is_sent: bool,
    data: Path,
    tmp_path: Path,
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, ca_file=authorities(tmp_path)) as here:
            policy = sts.Policy(mode=mode, max_age=100_000, mx=(mx,))
            now = here.clock()
            known = sts.Remembered(policy=policy, ident="1", fetched=now // 1000)
            await here.db.write(lambda tx: sts_policies.write(tx, "b.test", known, now))
            if has_tls:
                here.sink.tls = served()
            await here.send("you@b.test")
            await here.run()
            assert len(here.sink.taken) == is_sent
            if not is_sent:
                assert nothing_was_said(here)
                [one] = await here.waiting()
                assert one.reply.startswith(("451 4.7.5 The MTA-STS policy", "454 4.7.4 "))
            unnamed = "validation-failure" if mx != "mx.b.test" else None
            failure = unnamed or (None if has_tls else "starttls-not-supported")
            assert await outcomes(here) == [("sts", failure, 1)]

    asyncio.run(run())


def test_a_policy_that_can_not_be_fetched_is_told_in_reports(data: Path, tmp_path: Path) -> None:
    """The message goes as it went before there were policies; RFC 8461 §5.1, RFC 8460 §4.3."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.tls = served()
            here.dns.zone = {**here.dns.zone, ("_mta-sts.b.test", "TXT"): ["v=STSv1; id=1;"]}
            await here.send("you@b.test")
            await here.send("you@c.test")
            await here.run()
            assert [one.tls for one in here.sink.taken] == ["TLSv1.3", "TLSv1.3"]
            assert await outcomes(here) == [
                ("sts", "sts-policy-fetch-error", 1),
                ("no-policy-found", None, 1),
            ]

    asyncio.run(run())


# REQUIRETLS


@pytest.mark.parametrize(
    ("mode", "offers", "status"),
    [
        (None, ("REQUIRETLS",), "5.7.10"),
        ("encrypt", ("REQUIRETLS",), "5.7.10"),
        ("verify", (), "5.7.30"),
        ("verify", ("REQUIRETLS",), ""),
    ],
)
def test_a_message_that_requires_tls(
    mode: Mode | None, offers: tuple[str, ...], status: str, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, ca_file=authorities(tmp_path)) as here:
            here.sink.tls = served()
            here.sink.offers = offers
            if mode is not None:
                await here.rule("b.test", mode)
            await here.send("you@b.test", requiretls=True)
            await here.run()
            assert await here.waiting() == []
            if not status:
                assert "REQUIRETLS" in here.sink.taken[0].parameters
                return
            assert nothing_was_said(here)
            [notice] = await here.inbox(here.alice)
            assert f"Status: {status}\r\n".encode() in notice

    asyncio.run(run())


# TLS-Required: No


WAIVED = b"TLS-Required: No\r\nFrom: <alice@home.test>\r\n\r\nYour TLS is broken.\r\n"
TLSA_NAME = "_25._tcp.mx.b.test"


async def broken(here: Station, what: str) -> None:
    """The TLS of b.test is not as its policy says."""
    if what == "dane":
        here.dns.is_authentic = True
        record = "3 1 1 " + "ab" * 32
        here.dns.zone = {**here.dns.zone, (TLSA_NAME, "TLSA"): [record]}
        return
    if what == "tlsa":
        here.dns.is_authentic = True
        here.dns.faults[TLSA_NAME, "TLSA"] = Fault.SERVFAIL
        return
    host = "elsewhere.test" if what == "unnamed" else "mx.b.test"
    policy = sts.Policy(mode="enforce", max_age=100_000, mx=(host,))
    known = sts.Remembered(policy=policy, ident="1", fetched=here.clock() // 1000)
    await here.db.write(lambda tx: sts_policies.write(tx, "b.test", known, here.clock()))


@pytest.mark.parametrize("what", ["dane", "tlsa", "unnamed", "certificate", "clear"])
def test_a_message_that_can_do_without_goes_where_tls_is_broken(
    what: str, data: Path, tmp_path: Path
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, ca_file=authorities(tmp_path)) as here:
            if what != "clear":
                here.sink.tls = served("other.test")
            await broken(here, what)
            await here.send("you@b.test")
            await here.send("you@b.test", octets=WAIVED)
            await here.send("you@b.test", octets=WAIVED, sender="a@stranger.test")
            await here.run()
            [taken] = here.sink.taken
            assert b"Your TLS is broken" in taken.octets
            assert taken.sender == "alice@home.test"
            assert bool(taken.tls) is (what != "clear")
            assert len(await here.waiting()) == 2
            assert "no-policy-found" not in await results(here)

    asyncio.run(run())


def test_a_rule_of_the_postmaster_is_not_given_up_for_a_message(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.rule("b.test", "encrypt")
            await here.send("you@b.test", octets=WAIVED)
            await here.run()
            assert nothing_was_said(here)
            assert len(await here.waiting()) == 1

    asyncio.run(run())


# Terms


def test_terms_tell_domains_with_the_same_hosts_apart(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            connector = here.services.connector
            await here.rule("b2.test", "encrypt")

            async def terms(domain: str) -> object:
                return await connector.terms(await connector.candidates(Way("mx", domain)))

            plain, strict = await terms("b.test"), await terms("b2.test")
            assert plain is not None
            assert strict is not None
            assert plain != strict
            await here.rule("b2.test", "may")
            assert await terms("b2.test") == plain
            assert await terms("dead.test") is not None
            assert await connector.terms([Candidate(Way("mx", "b.test"), "nowhere.test")]) is None

    asyncio.run(run())


@pytest.mark.parametrize(("usage", "are_alike"), [(3, True), (2, False)])
def test_a_certificate_for_one_domain_proves_nothing_to_another(
    usage: int, are_alike: bool, data: Path, tmp_path: Path
) -> None:
    """RFC 7672 §3.2.2: with DANE-TA it may have the name of the domain itself."""

    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.dns.is_authentic = True
            record = f"{usage} 0 1 " + "ab" * 32
            here.dns.zone = {**here.dns.zone, (TLSA_NAME, "TLSA"): [record]}
            connector = here.services.connector

            async def terms(domain: str) -> object:
                return await connector.terms(await connector.candidates(Way("mx", domain)))

            first, second = await terms("b.test"), await terms("b2.test")
            assert first is not None
            assert second is not None
            assert (first == second) is are_alike

    asyncio.run(run())


def test_a_host_without_an_address_is_no_end(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.dns.zone = {**here.dns.zone, ("d.test", "MX"): ["5 gone.d.test.", "9 mx.b.test."]}
            await here.send("you@d.test")
            await here.run()
            assert len(here.sink.taken) == 1
            with pytest.raises(Unusable):
                await here.services.connector.open(
                    Candidate(Way("mx", "dead.test"), "mx.dead.test")
                )

    asyncio.run(run())
