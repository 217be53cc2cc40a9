"""Macro strings: the examples of RFC 7208 §7.4 and what is no macro."""

import ipaddress

import pytest

from postroom.mailauth.spf_macro import BadMacro, Facts, expand, expand_domain, needs_name, read

FACTS = Facts(
    ip=ipaddress.ip_address("192.0.2.3"),
    local="strong-bad",
    sender_domain="email.example.com",
    helo="mx.example.org",
    domain="email.example.com",
    receiver="r.example.net",
    time=1_000,
    name="mx.example.org",
)
IN_6 = Facts(
    ip=ipaddress.ip_address("2001:db8::cb01"),
    local="a",
    sender_domain="b",
    helo="c",
    domain="email.example.com",
    receiver="",
    time=0,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%{p}%%%_%-x.y", "mx.example.org% %20x.y"),
    ],
)
def test_expands(text: str, value: str) -> None:
    assert expand(read(text, is_domain=False), FACTS) == value


def test_ipv6_is_dotted_by_nibble() -> None:
    wanted = "1.0.B.C." + "0." * 20 + "8.B.D.0.1.0.0.2.ip6._spf.example.com"
    assert expand_domain(read("%{ir}.%{v}._spf.%{d2}", is_domain=True), IN_6) == wanted


def test_a_long_name_loses_its_left_labels() -> None:
    name = expand_domain(read("x." * 130 + "%{d}", is_domain=True), FACTS)
    assert len(name) <= 253
    assert name.endswith(".x.email.example.com")


def test_what_needs_the_name_of_the_client() -> None:
    assert needs_name(read("%{p2}.x.test", is_domain=True))
    assert not needs_name(read("%{d}.x.test", is_domain=True))


@pytest.mark.parametrize(
    "text", ["%", "%a", "%{", "%{x}", "%{d0}", "%{d!}", "%(d)", "a b", "\u00e4", "%{c}", "%{t}"]
)
def test_what_is_no_macro(text: str) -> None:
    with pytest.raises(BadMacro):
        read(text, is_domain=False)


@pytest.mark.parametrize("text", ["", "example", "example.1", "a.b-", "%{d}x", "a.-b"])
def test_what_does_not_end_like_a_domain(text: str) -> None:
    with pytest.raises(BadMacro):
        read(text, is_domain=True)


def test_explanations_may_have_blanks_and_more_letters() -> None:
    text = read("see %{r} at %{t}, %{C}", is_domain=False, is_explanation=True)
    assert expand(text, FACTS) == "see r.example.net at 1000, 192.0.2.3"
