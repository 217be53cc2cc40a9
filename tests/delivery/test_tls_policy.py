"""How a host must be used: rules, DANE, MTA-STS, and that none of them is weakened."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Final

import pytest

from postroom.delivery.exchangers import Exchangers, Host
from postroom.delivery.peer import Demand
from postroom.delivery.sts_cache import StsCache
from postroom.delivery.tls_policy import NO_PROOF, Security, TlsPolicy, unreachable, waived
from postroom.directory import sts_policies, tls_rules
from postroom.directory.tls_rules import Mode, TlsRule
from postroom.mailauth import sts, tlsrpt
from postroom.mailauth.dane import Tlsa
from postroom.mailauth.sts import Remembered
from postroom.net.dns_records import LookupFailed
from postroom.net.fetch import Rules
from rig.dns import DnsServer, Fault
from tests.conftest import Opener
from tests.delivery.stock import resolving
from tests.directory.town import Town, towns

DOMAIN: Final = "other.test"
MX: Final = "mx.other.test"
TLSA: Final = "_25._tcp.mx.other.test"
SIGNED: Final = Exchangers((MX,), DOMAIN, is_authenticated=True)
INSECURE: Final = Exchangers((MX,), DOMAIN)
SAFE: Final = Host(MX, ("9.9.9.9",), MX, is_authenticated=True)
PLAIN: Final = Host(MX, ("9.9.9.9",), MX)
EE: Final = "3 1 1 " + "ab" * 32
NOTHING: Final = tlsrpt.Policy(policy_type="no-policy-found", policy_domain=DOMAIN)
ANY: Final = Security("any", Demand("may", MX), NOTHING)


class Place:
    """A policy over a directory and a zone."""

    def __init__(self, town: Town, rig: DnsServer, policy: TlsPolicy) -> None:
        self.town = town
        self.rig = rig
        self.policy = policy

    async def security(
        self, exchangers: Exchangers = SIGNED, host: Host = SAFE, domain: str = DOMAIN
    ) -> Security:
        return await self.policy.security(domain, exchangers, host)

    async def rule(self, mode: Mode, domain: str = DOMAIN) -> None:
        rule = TlsRule(domain, mode, self.town.clock())
        await self.town.directory.change(lambda tx: tls_rules.put(tx, rule))
        self.town.directory.tls_rules.hint()

    async def sts(self, mode: sts.Mode, *mx: str, max_age: int = 86_400, age: int = 0) -> None:
        """A policy that was fetched some seconds ago."""
        now = self.town.clock()
        policy = sts.Policy(mode=mode, max_age=max_age, mx=mx)
        known = Remembered(policy=policy, ident="one", fetched=now // 1000 - age)
        await self.town.db.write(lambda tx: sts_policies.write(tx, DOMAIN, known, now))


Run = Callable[[Callable[[Place], Coroutine[None, None, None]]], None]


@pytest.fixture
def run(database: Opener, data: Path) -> Run:
    """Run a test with a place, whose zone is signed and empty but for the policy's record."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[Place]:
        rig = DnsServer({("_mta-sts.other.test", "TXT"): ["v=STSv1; id=one;"]}, is_authentic=True)
        async with towns(database, data)() as town, resolving(rig) as resolver:
            cache = StsCache(town.db, resolver, town.clock, Rules())
            yield Place(town, rig, TlsPolicy(town.directory.tls_rules, cache, resolver))

    def runner(test: Callable[[Place], Coroutine[None, None, None]]) -> None:
        async def main() -> None:
            async with asyncio.timeout(60), opened() as place:
                await test(place)

        asyncio.run(main())

    return runner


def publish(place: Place, *records: str, name: str = TLSA) -> None:
    place.rig.zone = {**place.rig.zone, (name, "TLSA"): list(records)}


def fail(place: Place, fault: Fault) -> None:
    place.rig.faults[TLSA, "TLSA"] = fault


# Nothing is published


def test_without_a_policy_tls_is_used_where_it_is_offered(run: Run) -> None:
    async def test(place: Place) -> None:
        place.rig.zone = {("x.test", "A"): ["9.9.9.9"]}
        for exchangers, host in ((SIGNED, SAFE), (INSECURE, PLAIN)):
            found = await place.security(exchangers, host)
            assert found == ANY
            assert not found.is_strict
            assert not found.is_proven

    run(test)


@pytest.mark.parametrize("name", ["[9.9.9.9]", "[IPv6:2620:fe::9]"])
def test_a_literal_has_no_policy_and_is_not_asked_for(run: Run, name: str) -> None:
    async def test(place: Place) -> None:
        found = await place.security(
            Exchangers((name,), name), Host(name, ("9.9.9.9",), name), name
        )
        assert found.kind == "any"
        assert place.rig.count() == 0

    run(test)


def test_a_domain_that_is_none_has_no_policy(run: Run) -> None:
    async def test(place: Place) -> None:
        assert (await place.security(INSECURE, PLAIN, "odd name")).kind == "any"

    run(test)


# Rules of the postmaster


@pytest.mark.parametrize(
    ("mode", "demand", "is_strict", "is_proven"),
    [
        ("none", Demand("none", MX), False, False),
        ("may", Demand("may", MX), False, False),
        ("encrypt", Demand("must", MX), True, False),
        ("verify", Demand("must", MX, is_checked=True), True, True),
    ],
)
def test_a_rule_stands_above_everything(
    run: Run, mode: Mode, demand: Demand, is_strict: bool, is_proven: bool
) -> None:
    async def test(place: Place) -> None:
        publish(place, EE)
        await place.sts("enforce", "elsewhere.test")
        await place.rule(mode)
        found = await place.security()
        assert found == Security("rule", demand, NOTHING)
        assert (found.is_strict, found.is_proven) == (is_strict, is_proven)
        assert place.rig.count() == 0

    run(test)


def test_a_rule_is_for_one_domain(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.rule("verify", "sub.other.test")
        await place.rule("none", "test")
        publish(place, EE)
        assert (await place.security()).kind == "dane"

    run(test)


def test_what_can_be_given_up(run: Run) -> None:
    """RFC 8689 §5: the policies of the recipient's domain, not the postmaster's rule."""

    async def test(place: Place) -> None:
        assert waived(ANY, MX) is None  # nothing was asked for
        await place.sts("enforce", "elsewhere.test")
        left = waived(await place.security(), MX)
        assert left is not None
        assert (left.demand, left.refusal, left.is_strict) == (Demand("may", MX), None, False)
        assert waived(None, MX) == left  # the records of DANE can't be looked up
        await place.rule("encrypt")
        assert waived(await place.security(), MX) is None

    run(test)


# DANE


def test_dane_comes_before_sts(run: Run) -> None:
    async def test(place: Place) -> None:
        publish(place, EE, "2 0 2 " + "cd" * 64, "1 1 1 " + "ef" * 32)
        await place.sts("enforce", "elsewhere.test")
        found = await place.security()
        records = (Tlsa(3, 1, 1, b"\xab" * 32), Tlsa(2, 0, 2, b"\xcd" * 64))
        assert found.kind == "dane"
        assert found.demand == Demand("must", MX)  # the records check it, not the authorities
        assert found.tlsa == records
        assert found.refusal is None
        assert found.is_strict
        assert found.is_proven
        assert found.policy == tlsrpt.Policy(
            policy_type="tlsa",
            policy_string=tuple(map(str, records)),
            policy_domain=DOMAIN,
            mx_host=(MX,),
        )

    run(test)


@pytest.mark.parametrize("record", ["1 1 1 " + "ab" * 32, "0 0 1 " + "ab" * 32, "3 1 9 abcd"])
def test_records_of_no_use_demand_tls_without_a_proof(run: Run, record: str) -> None:
    """RFC 7672 §2.2: not plaintext, and not MTA-STS instead."""

    async def test(place: Place) -> None:
        publish(place, record)
        await place.sts("enforce", MX)
        found = await place.security()
        assert (found.kind, found.demand, found.tlsa) == ("dane", Demand("must", MX), ())
        assert found.is_strict
        assert not found.is_proven, "what requires TLS must not go there"
        assert found.failure == "tlsa-invalid"

    run(test)


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED, Fault.SILENT])
def test_a_failed_lookup_is_no_licence_for_less(run: Run, fault: Fault) -> None:
    async def test(place: Place) -> None:
        publish(place, EE)
        await place.sts("none")
        fail(place, fault)
        with pytest.raises(LookupFailed):
            await place.security()
        with pytest.raises(LookupFailed) as caught:
            await place.security()
        reply = unreachable(caught.value)
        assert (reply.code, reply.status, reply.is_local) == (451, "4.7.5", True)
        assert "TLSA records can't be looked up" in reply.text

    run(test)


@pytest.mark.parametrize(
    ("exchangers", "host"), [(INSECURE, SAFE), (SIGNED, PLAIN), (INSECURE, PLAIN)]
)
def test_without_authenticated_hosts_and_addresses_there_is_no_dane(
    run: Run, exchangers: Exchangers, host: Host
) -> None:
    async def test(place: Place) -> None:
        publish(place, EE)
        fail(place, Fault.SERVFAIL)
        assert (await place.security(exchangers, host)).kind != "dane"
        assert place.rig.count(TLSA) == 0

    run(test)


def test_records_that_nobody_vouches_for_are_none(run: Run) -> None:
    async def test(place: Place) -> None:
        publish(place, EE)
        place.rig.is_authentic = False
        await place.sts("enforce", MX)
        assert (await place.security()).kind == "sts"

    run(test)


REAL: Final = "real.test"
OTHER: Final = "2 0 1 " + "cd" * 32
ALIAS: Final = Host(MX, ("9.9.9.9",), REAL, is_authenticated=True)
HALF: Final = Host(MX, ("9.9.9.9",), REAL)  # nobody vouches for its end


@pytest.mark.parametrize(
    ("published", "base"),
    [
        ({"_25._tcp.real.test": EE}, REAL),
        ({"_25._tcp.real.test": EE, TLSA: OTHER}, REAL),
        ({TLSA: EE}, MX),
        ({"_25._tcp.other.test": EE}, ""),
    ],
)
def test_a_host_that_is_an_alias(run: Run, published: dict[str, str], base: str) -> None:
    """RFC 7672 §2.2.3: the records of the name at its end, else those of its own."""

    async def test(place: Place) -> None:
        for name, record in published.items():
            publish(place, record, name=name)
        found = await place.security(host=ALIAS)
        if not base:
            assert found.kind == "any"
            return
        assert (found.kind, found.tlsa) == ("dane", (Tlsa(3, 1, 1, b"\xab" * 32),))
        assert found.demand == Demand("must", base)
        assert found.policy.mx_host == (MX,)

    run(test)


def test_the_end_of_an_alias_that_fails_is_no_licence_for_the_beginning(run: Run) -> None:
    async def test(place: Place) -> None:
        publish(place, EE)
        place.rig.faults["_25._tcp.real.test", "TLSA"] = Fault.SERVFAIL
        with pytest.raises(LookupFailed):
            await place.security(host=ALIAS)

    run(test)


@pytest.mark.parametrize("unsigned", ["", MX])
def test_an_alias_whose_end_nobody_vouches_for(run: Run, unsigned: str) -> None:
    """The records of its own name count when somebody vouches for the alias."""

    async def test(place: Place) -> None:
        publish(place, EE)
        publish(place, OTHER, name="_25._tcp.real.test")
        place.rig.zone = {**place.rig.zone, (MX, "CNAME"): [f"{REAL}."]}
        place.rig.unsigned = {unsigned}
        found = await place.security(host=HALF)
        if unsigned:
            assert found.kind == "any"
            assert place.rig.count(TLSA) == 0
        else:
            assert found.tlsa == (Tlsa(3, 1, 1, b"\xab" * 32),)
            assert found.demand == Demand("must", MX)
        assert place.rig.count("_25._tcp.real.test") == 0

    run(test)


def test_an_alias_that_can_not_be_looked_up_waits(run: Run) -> None:
    async def test(place: Place) -> None:
        place.rig.faults[MX, "CNAME"] = Fault.SERVFAIL
        with pytest.raises(LookupFailed):
            await place.security(host=HALF)

    run(test)


def test_an_alias_of_the_records_is_followed(run: Run) -> None:
    async def test(place: Place) -> None:
        place.rig.zone = {
            (TLSA, "CNAME"): ["tlsa.other.test."],
            ("tlsa.other.test", "TLSA"): [EE],
        }
        assert (await place.security()).tlsa == (Tlsa(3, 1, 1, b"\xab" * 32),)

    run(test)


def test_a_name_too_long_for_records_has_none(run: Run) -> None:
    async def test(place: Place) -> None:
        name = ".".join(["x" * 49] * 5)  # with _25._tcp. it would have more than 253 octets
        place.rig.zone = {}
        host = Host(name, ("9.9.9.9",), name, is_authenticated=True)
        found = await place.security(Exchangers((name,), DOMAIN, is_authenticated=True), host)
        assert found == Security("any", Demand("may", name), NOTHING)

    run(test)


# MTA-STS


def test_enforce_demands_a_proof_from_a_host_that_it_names(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.sts("enforce", "*.other.test", "mx.elsewhere.test")
        found = await place.security(INSECURE, PLAIN)
        assert (found.kind, found.refusal, found.failure) == ("sts", None, None)
        assert found.demand == Demand("must", MX, is_checked=True)
        assert found.is_strict
        assert found.is_proven
        assert found.policy.policy_type == "sts"
        assert found.policy.policy_string == (
            "version: STSv1",
            "mode: enforce",
            "mx: *.other.test",
            "mx: mx.elsewhere.test",
            "max_age: 86400",
        )
        assert found.policy.mx_host == ("*.other.test", "mx.elsewhere.test")

    run(test)


@pytest.mark.parametrize("name", ["mx.evil.test", "other.test", "a.mx.other.test", "xother.test"])
def test_enforce_refuses_a_host_that_it_does_not_name(run: Run, name: str) -> None:
    async def test(place: Place) -> None:
        await place.sts("enforce", "*.other.test")
        found = await place.security(Exchangers((name,), DOMAIN), Host(name, ("9.9.9.9",), name))
        assert found.failure == "validation-failure"
        assert found.is_strict
        assert found.refusal is not None
        assert (found.refusal.code, found.refusal.status) == (451, "4.7.5")
        assert name in found.refusal.text

    run(test)


def test_testing_demands_nothing_that_is_not_given_up(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.sts("testing", MX)
        found = await place.security(INSECURE, PLAIN)
        assert (found.kind, found.refusal, found.failure) == ("testing", None, None)
        assert found.demand == Demand("must", MX, is_checked=True)
        assert not found.is_strict
        assert not found.is_proven, "what requires TLS would go on without it"
        other = Host("mx.evil.test", ("9.9.9.9",), "mx.evil.test")
        found = await place.security(INSECURE, other)
        assert (found.refusal, found.failure) == (None, "validation-failure")
        assert found.reason.endswith("does not allow the host mx.evil.test")
        assert found.demand == Demand("may", "mx.evil.test")
        assert not found.is_proven

    run(test)


def test_mode_none_demands_nothing(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.sts("none")
        assert await place.security(INSECURE, PLAIN) == ANY

    run(test)


def test_a_policy_holds_without_dns_until_it_expires(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.sts("enforce", MX, max_age=3_600)
        place.rig.faults["_mta-sts.other.test", "TXT"] = Fault.SERVFAIL
        assert (await place.security(INSECURE, PLAIN)).kind == "sts"
        place.town.clock.advance(seconds=3_600)
        assert await place.security(INSECURE, PLAIN) == ANY

    run(test)


def test_a_policy_that_can_not_be_fetched_is_a_failure_to_report(run: Run) -> None:
    """RFC 8460 §4.3; the web server of the domain does not exist."""

    async def test(place: Place) -> None:
        found = await place.security(INSECURE, PLAIN)
        assert (found.kind, found.demand) == ("any", Demand("may", MX))
        assert found.policy == tlsrpt.Policy(policy_type="sts", policy_domain=DOMAIN)
        assert found.failure == "sts-policy-fetch-error"
        assert found.reason

    run(test)


def test_a_renewal_that_fails_is_reported_with_the_policy_that_holds_on(run: Run) -> None:
    async def test(place: Place) -> None:
        await place.sts("enforce", MX, max_age=1_000_000, age=sts.RENEWAL)
        found = await place.security(INSECURE, PLAIN)
        assert found.demand == Demand("must", MX, is_checked=True)
        assert found.policy.policy_string[1] == "mode: enforce"
        assert (found.refusal, found.failure) == (None, "sts-policy-fetch-error")
        found = await place.security(INSECURE, Host("mx.evil.test", ("9.9.9.9",), "mx.evil.test"))
        assert found.failure == "validation-failure"

    run(test)


def test_an_expired_policy_demands_nothing(run: Run) -> None:
    async def test(place: Place) -> None:
        place.rig.zone = {("x.test", "A"): ["9.9.9.9"]}
        await place.sts("enforce", MX, max_age=3_600, age=3_600)
        assert await place.security(INSECURE, PLAIN) == ANY

    run(test)


def test_who_requires_tls_is_told_that_there_is_no_proof() -> None:
    assert (NO_PROOF.code, NO_PROOF.status, NO_PROOF.is_local) == (550, "5.7.10", True)
