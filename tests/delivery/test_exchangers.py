"""Where a domain takes its mail, asked of a real server with all kinds of zones."""

import asyncio
import ipaddress
import random
from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings, strategies as st

from postroom.delivery.exchangers import MOST_HOSTS, Exchangers, Host, Lookup, Nowhere, Shuffle
from postroom.net.addresses import Network
from postroom.net.dns import Resolver
from postroom.net.dns_records import LookupFailed
from rig.dns import DnsServer, Fault, Zone
from tests.delivery.stock import resolving
from tests.loop import patiently

US: Final = "mail.demo.test"
PUBLIC: Final = "9.9.9.9"
MX: Final = "mx.other.test"
LOOPBACK: Final[tuple[Network, ...]] = (ipaddress.ip_network("127.0.0.0/8"),)


def leave(_hosts: list[str]) -> None:
    """No chance at all."""


def lookup(
    resolver: Resolver,
    *,
    shuffle: Shuffle = leave,
    allow: Sequence[Network] = (),
    hostname: str = US,
) -> Lookup:
    return Lookup(resolver, hostname, shuffle=shuffle, allow_private=allow)


def exchangers(
    zone: Zone,
    domain: str = "other.test",
    *,
    is_authentic: bool = False,
    shuffle: Shuffle = leave,
    hostname: str = US,
) -> Exchangers:
    async def main() -> Exchangers:
        async with resolving(DnsServer(zone, is_authentic=is_authentic)) as resolver:
            one = lookup(resolver, shuffle=shuffle, hostname=hostname)
            return await one.exchangers(domain)

    return patiently(main())


def nowhere(zone: Zone, domain: str = "other.test", *, hostname: str = US) -> tuple[str, str]:
    with pytest.raises(Nowhere) as caught:
        exchangers(zone, domain, hostname=hostname)
    reply = caught.value.reply
    assert (reply.code, reply.is_local) == (550, True)
    return reply.status, reply.text


def host(
    zone: Zone,
    name: str = "mx.other.test",
    *,
    allow: Sequence[Network] = (),
    faults: dict[tuple[str, str], Fault] | None = None,
    is_authentic: bool = False,
) -> Host:
    async def main() -> Host:
        rig = DnsServer(zone, is_authentic=is_authentic, faults=faults or {})
        async with resolving(rig) as resolver:
            return await lookup(resolver, allow=allow).host(name)

    return patiently(main())


def mx(*records: str, name: str = "other.test") -> dict[tuple[str, str], list[str]]:
    return {(name, "MX"): list(records)}


# The hosts


def test_hosts_come_by_preference_and_by_chance_within_one() -> None:
    zone = mx("20 c.test.", "10 b.test.", "10 a.test.", "30 D.test.", "20 c.test.")
    assert exchangers(zone) == Exchangers(("a.test", "b.test", "c.test", "d.test"), "other.test")
    turned = exchangers(zone, shuffle=lambda hosts: hosts.reverse())
    assert turned.hosts == ("b.test", "a.test", "c.test", "d.test")


def test_a_host_of_several_preferences_counts_once_at_its_best() -> None:
    assert exchangers(mx("20 a.test.", "10 b.test.", "5 a.test.")).hosts == ("a.test", "b.test")


def test_a_hostile_zone_of_many_hosts_is_cut_by_chance() -> None:
    zone = mx(*[f"10 h{number}.test." for number in range(100)])
    seen = {
        host
        for seed in range(20)
        for host in exchangers(zone, shuffle=random.Random(seed).shuffle).hosts
    }
    assert len(exchangers(zone).hosts) == MOST_HOSTS
    assert len(seen) > 2 * MOST_HOSTS, "always the same ten would be tried"


def test_without_mx_it_is_the_domain_itself() -> None:
    found = exchangers({("other.test", "A"): [PUBLIC]})
    assert found == Exchangers(("other.test",), "other.test")


def test_a_domain_that_exists_without_any_record_is_asked_for_addresses() -> None:
    zone = {("below.other.test", "A"): [PUBLIC]}
    assert exchangers(zone).hosts == ("other.test",)
    with pytest.raises(Nowhere, match="no address"):
        host(zone, "other.test")


def test_an_alias_leads_to_the_hosts_of_its_target() -> None:
    zone: Zone = {("www.test", "CNAME"): ["other.test."], **mx("10 a.test.")}
    assert exchangers(zone, "www.test") == Exchangers(("a.test",), "other.test")
    bare = {("www.test", "CNAME"): ["other.test."], ("other.test", "A"): [PUBLIC]}
    assert exchangers(bare, "www.test") == Exchangers(("www.test",), "other.test")


@pytest.mark.parametrize("domain", ["[192.0.2.1]", "[IPv6:2001:db8::1]"])
def test_a_literal_is_its_own_host_and_not_asked_for(domain: str) -> None:
    async def main() -> None:
        rig = DnsServer({})
        async with resolving(rig) as resolver:
            found = await lookup(resolver).exchangers(domain)
            assert found == Exchangers((domain,), domain)
            assert rig.count() == 0

    patiently(main())


def test_the_resolver_vouches_for_the_list_and_for_there_being_none() -> None:
    assert exchangers(mx("10 a.test."), is_authentic=True).is_authenticated
    assert not exchangers(mx("10 a.test.")).is_authenticated
    assert exchangers({("other.test", "A"): [PUBLIC]}, is_authentic=True).is_authenticated


# Nowhere


def test_a_domain_that_does_not_exist() -> None:
    assert nowhere({}) == ("5.1.2", "The domain other.test does not exist")


@pytest.mark.parametrize("domain", ["a..test", "a b.test", "x" * 64 + ".test", "x." * 130, "ä.x"])
def test_a_name_that_none_can_have(domain: str) -> None:
    status, text = nowhere({}, domain)
    assert status == "5.1.2"
    assert "is no name of a domain" in text


def test_a_null_mx_takes_no_mail() -> None:
    told = ("5.1.10", "The domain other.test takes no mail (null MX)")
    assert nowhere(mx("0 .")) == told
    assert nowhere(mx("0 .", "10 .")) == told


def test_a_null_mx_beside_others_is_a_mistake_and_left_out() -> None:
    assert exchangers(mx("0 .", "10 a.test.")).hosts == ("a.test",)
    assert exchangers(mx("10 a.test.", "20 .")).hosts == ("a.test",)


@pytest.mark.parametrize(
    ("records", "hosts"),
    [
        (["10 a.test.", "20 mail.demo.test.", "30 b.test."], ("a.test",)),
        (["10 a.test.", "20 mail.demo.test.", "20 b.test."], ("a.test",)),
        (["10 a.test.", "15 b.test.", "20 MAIL.Demo.test."], ("a.test", "b.test")),
        (["10 a.test.", "10 mail.demo.test."], None),
        (["0 mail.demo.test.", "10 a.test."], None),
        (["10 mail.demo.test."], None),
        (["0 .", "10 mail.demo.test."], None),
        (["5 a.test.", "20 mail.demo.test.", "10 mail.demo.test.", "15 b.test."], ("a.test",)),
    ],
)
def test_only_hosts_before_ourselves_count(
    records: list[str], hosts: tuple[str, ...] | None
) -> None:
    if hosts is not None:
        assert exchangers(mx(*records)).hosts == hosts
        return
    status, text = nowhere(mx(*records))
    assert status == "5.4.6"
    assert text == "Mail for other.test loops back to this server, which does not serve it"


def test_our_name_is_ours_however_the_settings_spell_it() -> None:
    assert nowhere(mx("10 mail.demo.test."), hostname="Mail.DEMO.test.")[0] == "5.4.6"


def test_without_mx_our_own_name_and_its_aliases_lead_back_to_us() -> None:
    zone = {(US, "A"): [PUBLIC], ("www.test", "CNAME"): [f"{US}."]}
    assert nowhere(zone, US)[0] == "5.4.6"
    assert nowhere(zone, "www.test")[0] == "5.4.6"


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.REFUSED, Fault.SILENT])
def test_what_can_not_be_looked_up_is_tried_again(fault: Fault) -> None:
    async def main() -> None:
        rig = DnsServer(mx("10 a.test."), faults={("other.test", "MX"): fault})
        async with resolving(rig) as resolver:
            with pytest.raises(LookupFailed):
                await lookup(resolver).exchangers("other.test")
            rig.faults.clear()
            resolver.forget()
            assert (await lookup(resolver).exchangers("other.test")).hosts == ("a.test",)

    patiently(main())


def test_aliases_that_go_round_are_tried_again() -> None:
    with pytest.raises(LookupFailed, match="circle"):
        exchangers({("a.test", "CNAME"): ["b.test."], ("b.test", "CNAME"): ["a.test."]}, "a.test")


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 5, 10, 65_535]), st.sampled_from(["a.test", "b.test", US, ""])
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_records_we_are_never_a_host(records: list[tuple[int, str]]) -> None:
    zone = mx(*{f"{preference} {name}." for preference, name in records})
    ours = min([p for p, name in records if name == US], default=1 << 20)
    before = {name for p, name in records if name not in {"", US} and p < ours}
    try:
        found = exchangers(zone).hosts
    except Nowhere as error:
        assert not before
        is_null = all(not name for _, name in records)
        assert error.reply.status == ("5.1.10" if is_null else "5.4.6")
    else:
        assert set(found) == before
        best = {name: min(p for p, other in records if other == name) for name in before}
        assert [best[name] for name in found] == sorted(best[name] for name in found)


# The addresses of a host


def test_addresses_of_both_families() -> None:
    zone = {
        ("mx.other.test", "A"): ["9.9.9.9", "8.8.8.8"],
        ("mx.other.test", "AAAA"): ["2620:fe::9"],
    }
    assert host(zone) == Host(MX, ("2620:fe::9", "9.9.9.9", "8.8.8.8"), MX)
    assert host(zone, is_authentic=True).is_authenticated


def test_an_alias_has_the_addresses_of_its_target() -> None:
    zone = {("mx.other.test", "CNAME"): ["real.test."], ("real.test", "A"): [PUBLIC]}
    assert host(zone) == Host(MX, (PUBLIC,), "real.test")


def test_an_answer_that_is_vouched_for_tells_where_the_aliases_lead() -> None:
    zone = {
        (MX, "CNAME"): ["real.test."],
        ("real.test", "A"): [PUBLIC],
        ("real.test", "AAAA"): ["2620:fe::9"],
    }
    for kind in ("A", "AAAA"):
        found = host(zone, faults={("", kind): Fault.SERVFAIL}, is_authentic=True)
        assert (found.canonical, found.is_authenticated) == ("real.test", True)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("[9.9.9.9]", "9.9.9.9"),
        ("[IPv6:2620:fe::9]", "2620:fe::9"),
        ("[ipv6:2620:fe::9]", "2620:fe::9"),
    ],
)
def test_a_literal_has_one_address(name: str, address: str) -> None:
    assert host({}, name) == Host(name, (address,), name)


@pytest.mark.parametrize(
    "name", ["[127.0.0.1]", "[IPv6:::1]", "[IPv6:::ffff:10.0.0.1]", "[10.1.2.3]", "[]", "[x]"]
)
def test_a_literal_of_ours_or_nobody_is_refused(name: str) -> None:
    with pytest.raises(Nowhere, match="only addresses that mail is not sent to") as caught:
        host({}, name)
    assert caught.value.reply.status == "5.4.4"


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("A", "127.0.0.1"),
        ("A", "0.0.0.0"),
        ("A", "10.0.0.1"),
        ("A", "192.168.1.1"),
        ("A", "169.254.169.254"),
        ("A", "100.64.0.1"),
        ("A", "224.0.0.1"),
        ("A", "255.255.255.255"),
        ("AAAA", "::"),
        ("AAAA", "::1"),
        ("AAAA", "fe80::1"),
        ("AAAA", "fd00::1"),
        ("AAAA", "::ffff:127.0.0.1"),
        ("AAAA", "64:ff9b::7f00:1"),
        ("AAAA", "2002:7f00:1::"),
    ],
)
def test_addresses_of_this_machine_and_inner_networks_are_left_out(kind: str, address: str) -> None:
    zone = {("mx.other.test", kind): [address]}
    with pytest.raises(Nowhere, match="only addresses that mail is not sent to"):
        host(zone)
    with_good: Zone = {
        **zone,
        ("mx.other.test", "A"): [*zone.get(("mx.other.test", "A"), []), PUBLIC],
    }
    assert host(with_good).addresses == (PUBLIC,)


def test_networks_that_were_allowed_count() -> None:
    zone = {("mx.other.test", "A"): ["127.0.0.9", "10.0.0.1"]}
    assert host(zone, allow=LOOPBACK).addresses == ("127.0.0.9",)


@pytest.mark.parametrize("zone", [{}, {("mx.other.test", "TXT"): ["x"]}])
def test_a_host_without_an_address(zone: Zone) -> None:
    with pytest.raises(Nowhere, match=r"The host mx\.other\.test has no address"):
        host(zone)


def test_a_name_that_no_host_can_have() -> None:
    with pytest.raises(Nowhere, match="is no name of a host"):
        host({}, "\\000" * 63 + ".test")  # as odd octets of a zone are written


@pytest.mark.parametrize("fault", [Fault.SERVFAIL, Fault.SILENT])
def test_one_family_is_enough(fault: Fault) -> None:
    zone = {("mx.other.test", "A"): [PUBLIC]}
    found = host(zone, faults={("", "AAAA"): fault}, is_authentic=True)
    assert found == Host(MX, (PUBLIC,), MX, is_authenticated=True)


def test_who_suppresses_one_answer_does_not_switch_authentication_off() -> None:
    """Otherwise DANE would not be asked for (RFC 7672 §2.1)."""
    zone = {("mx.other.test", "A"): [PUBLIC], ("mx.other.test", "AAAA"): ["2620:fe::9"]}
    for kind in ("A", "AAAA"):
        found = host(zone, faults={("", kind): Fault.SERVFAIL}, is_authentic=True)
        assert found.is_authenticated


@pytest.mark.parametrize("addresses", [[], ["127.0.0.1"]])
def test_the_family_that_failed_may_have_the_good_address(addresses: list[str]) -> None:
    """What is left is nothing, or nothing allowed: tried again and not returned."""
    zone = (
        {("mx.other.test", "A"): addresses}
        if addresses
        else {("x.mx.other.test", "A"): ["1.1.1.1"]}
    )
    with pytest.raises(LookupFailed):
        host(zone, faults={("", "AAAA"): Fault.SERVFAIL})


def test_both_families_failed() -> None:
    with pytest.raises(LookupFailed):
        host({("mx.other.test", "A"): [PUBLIC]}, faults={("", ""): Fault.SERVFAIL})


def test_the_families_are_asked_for_at_the_same_time() -> None:
    async def main() -> None:
        rig = DnsServer({("mx.other.test", "A"): [PUBLIC]}, held=asyncio.Event())
        async with resolving(rig) as resolver:
            asking = asyncio.create_task(lookup(resolver).host("mx.other.test"))
            while rig.count() < 2:
                rig.asked.clear()
                await rig.asked.wait()
            assert {one.kind for one in rig.queries} == {"A", "AAAA"}
            assert rig.held is not None
            rig.held.set()
            assert (await asking).addresses == (PUBLIC,)

    patiently(main())
