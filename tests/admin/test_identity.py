"""How a new server is called, and who vouches for it, in a small DNS of its own."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.admin import identity
from postroom.admin.facts import Fact, Place, Reach
from postroom.errors import Invalid
from postroom.net.dns import Resolver
from rig.dns import DnsServer

OURS = "11.1.1.1"  # a public address that is nobody's in here
PTR = ("1.1.1.11.in-addr.arpa", "PTR")
PLACE = Place(domain="example.org", hostname="mail.example.org", data=Path())
Zone = dict[tuple[str, str], list[str]]


def called(
    zone: Zone,
    *,
    outward: Sequence[str] = (OURS,),
    is_offline: bool = False,
    domain: str = "example.org",
) -> str:
    async def inside() -> str:
        async with DnsServer(zone) as server:
            resolver = Resolver([server.address])
            reach = Reach(resolver=resolver, outward=lambda: outward, is_offline=is_offline)
            try:
                return await identity.hostname(domain, reach)
            finally:
                await resolver.close()

    return asyncio.run(inside())


MX1: Zone = {PTR: ["mx1.example.org."], ("mx1.example.org", "A"): [OURS]}


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ({}, "mail.example.org"),
        (MX1, "mx1.example.org"),
        ({**MX1, ("mx1.example.org", "A"): ["11.1.1.2"]}, "mail.example.org"),
        ({**MX1, ("mx1.example.org", "A"): [OURS, "11.1.1.2"]}, "mail.example.org"),
        ({PTR: ["v1.host.net."], ("v1.host.net", "A"): [OURS]}, "mail.example.org"),
        ({PTR: ["x.notexample.org."], ("x.notexample.org", "A"): [OURS]}, "mail.example.org"),
        (
            {("example.org", "MX"): ["10 old.test.", "20 in.test."], ("in.test", "A"): [OURS]},
            "in.test",
        ),
    ],
)
def test_the_name_that_dns_knows_this_machine_by(zone: Zone, name: str) -> None:
    assert called(zone) == name


def test_without_a_network_it_is_the_usual_one() -> None:
    assert called(MX1, is_offline=True) == "mail.example.org"
    assert called(MX1, outward=()) == "mail.example.org"
    assert called(MX1, outward=("192.168.0.2",)) == "mail.example.org"
    assert called({}, domain="B\u00fccher.test") == "mail.xn--bcher-kva.test"
    with pytest.raises(Invalid):
        called({}, domain="a b")


@pytest.mark.parametrize(
    ("name", "may"),
    [("mail.example.org", True), ("mail.demo.test", False), ("mail.lan", False), ("mail", False)],
)
def test_names_that_no_authority_certifies(name: str, may: bool) -> None:
    assert identity.may_be_certified(name) is may


def test_certificates_follow_from_the_facts() -> None:
    leads = Fact("server name", "good", "mail.example.org: 11.1.1.1")
    web = [Fact(f"port {one}", "attention", "taken by nginx (7)") for one in (80, 443)]
    other = [Fact(f"port {one}", "attention", "taken by python3 (7)") for one in (80, 443)]

    def said(*found: Fact, wanted: bool = True, place: Place = PLACE) -> tuple[str, str]:
        one = identity.certificates(place, found, wanted=wanted)
        assert bool(one.advice) is (one.state != "good")
        return one.state, one.seen

    assert said(leads) == ("good", "from Let's Encrypt: mail.example.org leads here")
    assert said()[1] == "made here, until mail.example.org leads here; then from Let's Encrypt"
    assert said(leads, other[0])[0] == "good"  # the other port is enough
    assert "ports 80 and 443" in said(leads, *other)[1]
    assert "as far as nginx" in said(leads, *web)[1]
    assert said(leads, wanted=False)[1] == "made here, as you said"
    home = Place(domain="home.lan", hostname="mail.home.lan", data=Path())
    assert "no authority" in said(wanted=False, place=home)[1]
