from typing import Final

import pytest
from hypothesis import given, strategies as st

from postroom.address import Domain
from postroom.mailauth import sts
from postroom.mailauth.lookups import (
    Answer,
    Fetch,
    FetchFailed,
    Lookup,
    LookupFailed,
    Question,
)
from postroom.mailauth.sts import Discovery, Policy, PolicyInvalid, Remembered
from tests.mailauth.answers import run_with

NOW: Final = 1_790_000_000
DOMAIN: Final = Domain.parse("example.org")
RECORD: Final = Lookup("_mta-sts.example.org", "TXT")
DOCUMENT: Final = Fetch(
    url="https://mta-sts.example.org/.well-known/mta-sts.txt",
    max_octets=65_536,
    media_type="text/plain",
)
TEXT: Final = (
    b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.org\r\nmx: *.example.net\r\n"
    b"max_age: 604800\r\n"
)
POLICY: Final = Policy(mode="enforce", max_age=604_800, mx=("mail.example.org", "*.example.net"))


# The record


@pytest.mark.parametrize(
    ("records", "ident"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=1"], "1"),
        ([b"v=STSv1 \t; \tid=1 ; "], "1"),
        ([b"v=STSv1; a=b; id=1; c_d.e-f=g/h"], "1"),
        ([b"v=STSv1; id=1; id=2"], "1"),
        ([b"v=spf1 -all", b"v=STSv1; id=" + b"x" * 32, b"v=STSv2; id=3"], "x" * 32),
        ([], None),
        ([b"v=STSv1; id=1", b"v=STSv1; id=1"], None),  # RFC 8461 §3.1: not exactly one
        ([b"v=STSv1"], None),
        ([b"v=STSv1;"], None),
        ([b"v=STSv1; id="], None),
        ([b"v=STSv1; id=" + b"x" * 33], None),
        ([b"v=STSv1; id=a-b"], None),
        ([b"v=STSv1; id=a b"], None),
        ([b"v=STSv1; ID=1"], None),
        ([b"v=STSv1; id=1; nonsense"], None),
        ([b"v=STSv1; id=1; =x"], None),
        ([b"v=STSv1; id=1; a=b=c"], None),
        ([b"v=STSv1; id=1; ; a=b"], None),
        ([b"v=STSv1; id=\xff"], None),
        ([b"V=STSv1; id=1"], None),
        ([b" v=STSv1; id=1"], None),
        ([b"v=STSv1; id=1; a=" + b"x" * 5000], None),
    ],
)
def test_records(records: list[bytes], ident: str | None) -> None:
    assert sts.parse_record(records) == ident


@given(st.lists(st.one_of(st.binary(), st.binary().map(lambda b: b"v=STSv1;" + b)), max_size=2))
def test_any_record(records: list[bytes]) -> None:
    ident = sts.parse_record(records)
    assert ident is None or (ident.isascii() and ident.isalnum() and len(ident) <= 32)


# The policy


def test_a_policy() -> None:
    assert sts.parse_policy(TEXT) == POLICY
    assert sts.parse_policy(TEXT.replace(b"\r\n", b"\n")) == POLICY
    assert sts.parse_policy(TEXT.removesuffix(b"\r\n")) == POLICY
    assert sts.parse_policy("\n".join(POLICY.lines).encode()) == POLICY


@pytest.mark.parametrize(
    ("text", "policy"),
    [
        ("mode:none\nversion:STSv1\nmax_age:0", Policy(mode="none", max_age=0)),
        (
            "version: STSv1\t \nmode:\t testing  \nmax_age: 9999999999\nmx: A.Example.ORG.\n",
            Policy(mode="testing", max_age=31_557_600, mx=("a.example.org",)),
        ),
        (
            (
                "version: STSv1\nversion: STSv2\nmode: testing\nmode: enforce\nmax_age: 1\n"
                "max_age: 2\nmx: a.b\nmx: c.d\nother: ä: x\nother-2.x:\n\n\n"
            ),
            Policy(mode="testing", max_age=1, mx=("a.b", "c.d")),
        ),
    ],
)
def test_policies(text: str, policy: Policy) -> None:
    assert sts.parse_policy(text.encode()) == policy


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"version: STSv1", b"version: STSv2", "version"),
        (b"version: STSv1\r\n", b"", "version"),
        (b"version", b"Version", "version"),
        (b"enforce", b"Enforce", "mode"),
        (b"mode: enforce\r\n", b"", "mode"),
        (b"604800", b"", "max_age"),
        (b"604800", b"-1", "max_age"),
        (b"604800", b"12345678901", "max_age"),
        (b"604800", "٣".encode(), "max_age"),
        (b"max_age", b"max-age", "max_age"),
        (b"mx:", b"my:", "no mx"),
        (b"mail.example.org", b"", "no host name"),
        (b"mail.example.org", b"*", "no host name"),
        (b"mail.example.org", b"a.*.b", "no host name"),
        (b"mail.example.org", b"*.*.b", "no host name"),
        (b"mail.example.org", b"[192.0.2.1]", "no host name"),
        (b"mail.example.org", b"192.0.2.1", "no host name"),
        (b"mail.example.org", b"a b", "no host name"),
        (b"mode", b"mo de", "not a key"),
        (b"mode: ", b"mode ", "not a key"),
        (b"mode: ", b"mode: \xff", "not UTF-8"),
        (b"mx: mail.example.org\r\n", b"mx: a.b\r\n" * 1001, "more than 1000 hosts"),
        (b"mode", b"x: " + b"y" * 65_536 + b"\r\nmode", "larger than 65536"),
        (TEXT, b"", "version"),
        (TEXT, b"<html>\n", "not a key"),
    ],
)
def test_documents_that_are_no_policy(old: bytes, new: bytes, reason: str) -> None:
    assert old in TEXT
    with pytest.raises(PolicyInvalid, match=reason):
        sts.parse_policy(TEXT.replace(old, new))


LINES: Final = st.lists(
    st.one_of(
        st.sampled_from(TEXT.split(b"\r\n")), st.binary(max_size=20), st.sampled_from([b"mx: *."])
    )
)


@given(LINES.map(b"\n".join))
def test_any_document(document: bytes) -> None:
    try:
        policy = sts.parse_policy(document)
    except PolicyInvalid:
        return
    assert sts.parse_policy("\r\n".join(policy.lines).encode()) == policy


@pytest.mark.parametrize(
    ("host", "is_match"),
    [
        ("mail.example.org", True),
        ("MAIL.Example.Org.", True),
        ("other.example.org", False),
        ("example.org", False),
        ("a.mail.example.org", False),
        ("a.example.net", True),
        ("A.EXAMPLE.NET", True),
        ("a.b.example.net", False),  # RFC 8461 §4.1: one label
        ("example.net", False),
        (".example.net", False),
        ("aexample.net", False),
        ("net", False),
        ("", False),
    ],
)
def test_hosts(host: str, *, is_match: bool) -> None:
    assert sts.matches(POLICY, host) is is_match


# The check


def discover(
    remembered: Remembered | None = None,
    *,
    record: Answer | LookupFailed = (b"v=STSv1; id=2;",),
    document: Answer | FetchFailed = TEXT,
    now: int = NOW,
    asked: list[Question] | None = None,
) -> Discovery:
    return run_with(
        sts.discover(DOMAIN, remembered, now), {RECORD: record, DOCUMENT: document}, asked
    )


def known(*, age: int = 0, ident: str = "2") -> Remembered:
    policy = Policy(mode="testing", max_age=604_800, mx=("old.example.org",))
    return Remembered(policy=policy, ident=ident, fetched=NOW - age)


def test_a_domain_without_a_record_has_no_policy() -> None:
    asked: list[Question] = []
    assert discover(record=(), asked=asked) == Discovery(policy=None, remembered=None)
    assert asked == [RECORD]


def test_the_first_time_the_policy_is_fetched() -> None:
    asked: list[Question] = []
    found = discover(asked=asked)
    assert found.policy == POLICY
    assert found.remembered == Remembered(policy=POLICY, ident="2", fetched=NOW)
    assert found.failure is None
    assert asked == [RECORD, DOCUMENT]


def test_a_policy_in_use_is_not_fetched_again() -> None:
    asked: list[Question] = []
    before = known(age=sts.RENEWAL - 1)
    found = discover(before, asked=asked)
    assert found == Discovery(policy=before.policy, remembered=before)
    assert asked == [RECORD]


@pytest.mark.parametrize("before", [known(ident="1"), known(age=sts.RENEWAL), known(age=700_000)])
def test_a_new_id_age_or_expiry_fetch_it_anew(before: Remembered) -> None:
    found = discover(before)
    assert found.policy == POLICY
    assert found.remembered == Remembered(policy=POLICY, ident="2", fetched=NOW)


@pytest.mark.parametrize(
    "record", [(), (b"v=STSv1",), (b"v=STSv1; id=1", b"v=STSv1; id=2"), LookupFailed("timeout")]
)
def test_dns_can_not_end_a_policy(record: Answer | LookupFailed) -> None:
    before = known(age=604_799)
    found = discover(before, record=record)
    assert found == Discovery(policy=before.policy, remembered=before)
    expired = known(age=604_800)
    assert discover(expired, record=record) == Discovery(policy=None, remembered=None)


FAILURES: Final = [
    (FetchFailed("404"), "sts-policy-fetch-error", "404"),
    (FetchFailed("self-signed", is_certificate=True), "sts-webpki-invalid", "self-signed"),
    (b"<html>", "sts-policy-invalid", "not a key"),
    (b"x" * 65_537, "sts-policy-fetch-error", "larger than 65536"),
]


@pytest.mark.parametrize(("document", "failure", "reason"), FAILURES)
def test_a_failed_fetch_can_not_end_a_policy(
    document: Answer | FetchFailed, failure: str, reason: str
) -> None:
    before = known(age=sts.RENEWAL, ident="1")
    found = discover(before, document=document)
    assert found.policy == before.policy
    assert found.failure == failure
    assert reason in found.reason
    assert found.remembered is not None
    assert found.remembered.in_force(NOW) == before.policy
    assert (found.remembered.ident, found.remembered.fetched) == ("1", before.fetched)
    assert (found.remembered.failed, found.remembered.failure) == (NOW, failure)


@pytest.mark.parametrize(("document", "failure", "reason"), FAILURES)
@pytest.mark.parametrize("before", [None, known(age=604_800)])
def test_a_failed_fetch_without_a_policy(
    before: Remembered | None, document: Answer | FetchFailed, failure: str, reason: str
) -> None:
    found = discover(before, document=document)
    assert found.policy is None
    assert found.failure == failure
    assert reason in found.reason
    assert found.remembered is not None
    assert found.remembered.policy is None
    assert found.remembered.failed == NOW


@pytest.mark.parametrize("before", [None, known(age=sts.RENEWAL)])
def test_a_failed_fetch_is_not_repeated_at_once(before: Remembered | None) -> None:
    failed = discover(before, document=FetchFailed("503")).remembered
    asked: list[Question] = []
    found = discover(failed, now=NOW + sts.PAUSE - 1, asked=asked)
    assert asked == [RECORD]
    assert found.policy == (before.policy if before else None)
    assert found.remembered == failed
    assert found.failure == "sts-policy-fetch-error"
    assert "a moment ago" in found.reason
    found = discover(failed, now=NOW + sts.PAUSE, asked=asked)
    assert asked == [RECORD, RECORD, DOCUMENT]
    assert found.policy == POLICY
    assert found.failure is None
    assert found.remembered == Remembered(policy=POLICY, ident="2", fetched=NOW + sts.PAUSE)


def test_a_policy_may_be_withdrawn() -> None:
    found = discover(known(ident="1"), document=b"version: STSv1\nmode: none\nmax_age: 60\n")
    assert found.policy == Policy(mode="none", max_age=60)


def test_a_clock_that_went_back_makes_a_policy_old() -> None:
    assert known(age=-10).in_force(NOW) is None
    failed = Remembered(failed=NOW + 1_000_000, failure="sts-policy-fetch-error")
    assert discover(failed).policy == POLICY


@pytest.mark.parametrize("name", ["[192.0.2.1]", ".".join(["a" * 60] * 4) + ".abcdef"])
def test_names_that_can_have_no_record(name: str) -> None:
    asked: list[Question] = []
    check = sts.discover(Domain.parse(name), None, NOW)
    assert run_with(check, {}, asked) == Discovery(policy=None, remembered=None)
    assert not asked
