"""SPF evaluated on tables of answers: what matches, what it may cost, what never raises."""

import ipaddress
from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st

from postroom.mailauth.lookups import Answer, FetchFailed, Lookup, LookupFailed, Question
from postroom.mailauth.spf import MAX_TERMS, Result, check_host
from tests.mailauth.answers import run_with

Table = Mapping[Question, Answer | LookupFailed | FetchFailed]
IP4 = ipaddress.ip_address("192.0.2.7")
IP6 = ipaddress.ip_address("2001:db8::7")


def txt(**records: str) -> dict[Question, Answer | LookupFailed | FetchFailed]:
    """SPF records by domain ("_" for "." in the keywords)."""
    return {
        Lookup(name.replace("_", "."), "TXT"): (text.encode(),) for name, text in records.items()
    }


def checked(
    answers: Table,
    *,
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address = IP4,
    sender: str = "bob@a.test",
    asked: list[Question] | None = None,
) -> Result:
    domain = sender.rpartition("@")[2]
    check = check_host(ip, domain, sender, helo="mail.a.test", receiver="mx.b.test", time=1)
    return run_with(check, answers, asked)


@pytest.mark.parametrize(
    ("record", "outcome", "term"),
    [
        ("v=spf1", "neutral", ""),
        ("v=spf1 -all", "fail", "-all"),
        ("v=spf1 ~ALL", "softfail", "~ALL"),
        ("v=spf1 ip4:192.0.2.0/29 -all", "pass", "ip4:192.0.2.0/29"),
        ("v=spf1 ?ip4:192.0.2.7", "neutral", "?ip4:192.0.2.7"),
        ("v=spf1 ip6:2001:db8::/32 -all", "fail", "-all"),
        ("v=spf1 a -all", "pass", "a"),
        ("v=spf1 a:host.a.test/24 -all", "pass", "a:host.a.test/24"),
        ("v=spf1 mx//64 -all", "pass", "mx//64"),
        ("v=spf1 ptr -all", "pass", "ptr"),
        ("v=spf1 exists:%{ir}.%{v}._spf.%{d} -all", "pass", "exists:%{ir}.%{v}._spf.%{d}"),
        ("v=spf1 include:b.test -all", "pass", "include:b.test"),
        ("v=spf1 include:nobody.test -all", "permerror", ""),
        ("v=spf1 redirect=b.test", "pass", "ip4:192.0.2.7"),
        ("v=spf1 redirect=nobody.test", "permerror", ""),
        ("v=spf1 a:gone.a.test a:gone2.a.test a:gone3.a.test -all", "permerror", ""),
        ("v=spf1 -all nonsense", "permerror", ""),
    ],
)
def test_mechanisms(record: str, outcome: str, term: str) -> None:
    answers: dict[Question, Answer | LookupFailed | FetchFailed] = {
        **txt(a_test=record, b_test="v=spf1 ip4:192.0.2.7"),
        Lookup("a.test", "A"): ("192.0.2.7",),
        Lookup("host.a.test", "A"): ("192.0.2.200", "198.51.100.1"),
        Lookup("a.test", "MX"): ((10, "host.a.test"), (20, "mx.a.test")),
        Lookup("mx.a.test", "A"): ("192.0.2.7",),
        Lookup("7.2.0.192.in-addr.arpa", "PTR"): ("lie.a.test", "mx.a.test"),
        Lookup("lie.a.test", "A"): ("192.0.2.8",),
        Lookup("7.2.0.192.in-addr._spf.a.test", "A"): ("127.0.0.2",),
    }
    result = checked(answers)
    assert (result.outcome, result.term) == (outcome, term)
    assert bool(result.problem) == (outcome == "permerror")


def test_ipv6_and_an_ipv4_client_in_its_clothes() -> None:
    answers = txt(a_test="v=spf1 ip6:2001:db8::/48 ip4:192.0.2.7 -all")
    assert checked(answers, ip=IP6).term == "ip6:2001:db8::/48"
    assert checked(answers, ip=ipaddress.ip_address("::ffff:192.0.2.7")).term == "ip4:192.0.2.7"
    assert checked(answers, ip=ipaddress.ip_address("2001:db9::1")).outcome == "fail"


def test_an_empty_sender_is_a_postmaster() -> None:
    answers = {
        **txt(mail_a_test="v=spf1 exists:%{l}.%{o}.c.test -all"),
        Lookup("postmaster.mail.a.test.c.test", "A"): ("127.0.0.2",),
    }
    check = check_host(IP4, "mail.a.test", "", helo="mail.a.test", receiver="r", time=0)
    assert run_with(check, answers).outcome == "pass"


@pytest.mark.parametrize("name", ["a.test", "b.test"])
def test_a_failed_lookup_is_a_temperror(name: str) -> None:
    answers = {**txt(a_test="v=spf1 include:b.test -all"), Lookup(name, "TXT"): LookupFailed("x")}
    assert checked(answers).outcome == "temperror"


def test_the_budget_is_one_for_all_includes() -> None:
    chain = {f"d{n}_test": f"v=spf1 include:d{n + 1}.test -all" for n in range(40)}
    asked: list[Question] = []
    result = checked(txt(**chain), sender="x@d0.test", asked=asked)
    assert result.outcome == "permerror"
    assert len(asked) == MAX_TERMS + 1
    loop = txt(a_test="v=spf1 include:a.test -all")
    assert checked(loop).outcome == "permerror"


def test_more_mx_than_ten() -> None:
    hosts = tuple((n, f"mx{n}.a.test") for n in range(11))
    answers: Table = {**txt(a_test="v=spf1 mx -all"), Lookup("a.test", "MX"): hosts}
    assert checked(answers).outcome == "permerror"


def test_explanations_are_of_the_domain_that_failed() -> None:
    answers = {
        **txt(
            a_test="v=spf1 include:b.test -all exp=why.a.test",
            b_test="v=spf1 -all exp=other.b.test",
            why_a_test="%{i} is not one of %{d}'s hosts, asks %{r} at %{t} of %{c}",
            other_b_test="wrong",
        ),
    }
    result = checked(answers)
    assert result.explanation == (
        "192.0.2.7 is not one of a.test's hosts, asks mx.b.test at 1 of 192.0.2.7"
    )
    for bad in ("100%", "caf\u00e9", "%{z}"):
        assert checked({**answers, **txt(why_a_test=bad)}).explanation == ""
    twice = {**answers, Lookup("why.a.test", "TXT"): (b"one", b"two")}
    assert checked(twice).explanation == ""


@pytest.mark.parametrize("domain", ["", "localhost", "a..test", "x" * 64 + ".test", "[192.0.2.1]"])
def test_what_is_no_domain_has_no_policy(domain: str) -> None:
    asked: list[Question] = []
    assert checked({}, sender=f"bob@{domain}", asked=asked).outcome == "none"
    assert asked == []


WORDS = st.sampled_from(
    ["v=spf1", " ", "a", "mx", "ptr", ":", "/", "24", "%{", "d", "}", "%{p}", "include:a.test",
     "redirect=a.test", "exp=a.test", "-all", "exists:%{s}", "ip4:", "192.0.2.0", "\u00e4", "\0", "="]
)  # fmt: skip


@given(st.lists(WORDS, max_size=12).map("".join), st.binary(max_size=20))
def test_nothing_raises(record: str, other: bytes) -> None:
    answers: Table = {
        Lookup("a.test", "TXT"): (b"v=spf1 " + record.encode(), other),
        Lookup("7.2.0.192.in-addr.arpa", "PTR"): ("a.test", "..", ""),
        Lookup("a.test", "A"): ("192.0.2.7",),
    }
    assert isinstance(checked(answers), Result)
