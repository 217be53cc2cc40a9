"""DMARC on tables of answers: alignment, the walk up the tree, which policy counts."""

from typing import Any

import pytest

from postroom.mailauth.dmarc import Result, check, organization_of
from postroom.mailauth.lookups import Answer, FetchFailed, Lookup, LookupFailed, Question
from tests.mailauth.answers import run_with

Answers = dict[Question, Answer | LookupFailed | FetchFailed]


def zone(**records: str) -> Answers:
    """DMARC records by domain, "_" for ".", "__" for "-"."""
    return {
        Lookup(f"_dmarc.{name.replace('__', '-').replace('_', '.')}", "TXT"): (
            f"v=DMARC1; {text}".encode(),
        )
        for name, text in records.items()
    }


def judged(
    answers: Answers,
    author: str = "a.test",
    *,
    spf: str | None = None,
    dkim: tuple[str, ...] = (),
    asked: list[Question] | None = None,
) -> Result:
    return run_with(check(author, spf=spf, dkim=dkim), answers, asked)


@pytest.mark.parametrize(
    ("record", "spf", "dkim", "outcome"),
    [
        ("p=reject", None, (), "fail"),
        ("p=reject", "a.test", (), "pass"),
        ("p=reject", "mail.a.test", (), "pass"),
        ("p=reject; aspf=s", "mail.a.test", (), "fail"),
        ("p=reject", "b.test", (), "fail"),
        ("p=reject", "nota.test", (), "fail"),
        ("p=reject", None, ("a.test",), "pass"),
        ("p=reject", None, ("x.test", "deep.down.a.test"), "pass"),
        ("p=reject; adkim=s", None, ("down.a.test",), "fail"),
        ("p=reject; adkim=s; aspf=s", "a.test", ("x.test",), "pass"),
    ],
)
def test_alignment(record: str, spf: str | None, dkim: tuple[str, ...], outcome: str) -> None:
    result = judged(zone(a_test=record), spf=spf, dkim=dkim)
    assert result.outcome == outcome
    assert result.policy == "reject"


@pytest.mark.parametrize(
    ("records", "author", "policy", "source"),
    [
        ({"a_test": "p=none"}, "a.test", "none", "a.test"),
        ({"a_test": "p=reject; t=y"}, "a.test", "quarantine", "a.test"),
        ({"a_test": "p=quarantine; t=y"}, "a.test", "none", "a.test"),
        ({"a_test": "p=reject; pct=0"}, "a.test", "reject", "a.test"),
        ({"a_test": "p=reject; sp=none"}, "a.test", "reject", "a.test"),
        ({"a_test": "p=reject; sp=none"}, "x.a.test", "none", "a.test"),
        ({"a_test": "p=none; np=reject"}, "gone.a.test", "reject", "a.test"),
        ({"a_test": "p=none; np=reject"}, "here.a.test", "none", "a.test"),
        ({"a_test": "p=none; sp=quarantine; np=reject"}, "here.a.test", "quarantine", "a.test"),
        ({"a_test": "p=reject", "x_a_test": "p=none"}, "x.a.test", "none", "x.a.test"),
        ({"a_test": "p=reject", "x_a_test": "p=none"}, "y.x.a.test", "reject", "a.test"),
        ({"a_test": "p=reject", "x_a_test": "p=none; psd=n"}, "y.x.a.test", "none", "x.a.test"),
        ({"test": "p=reject; psd=y"}, "here.a.test", "reject", "test"),
        ({"test": "p=reject; psd=y", "a_test": "p=none"}, "here.a.test", "none", "a.test"),
    ],
)
def test_whose_policy(records: dict[str, str], author: str, policy: str, source: str) -> None:
    answers: Answers = {**zone(**records), Lookup("here.a.test", "AAAA"): ("2001:db8::1",)}
    result = judged(answers, author)
    assert (result.outcome, result.policy, result.source) == ("fail", policy, source)


def test_without_a_record_there_is_nothing_to_say() -> None:
    asked: list[Question] = []
    assert judged({}, "x.a.test", spf="x.a.test", asked=asked).outcome == "none"
    assert [question.name for question in asked if isinstance(question, Lookup)] == [
        "_dmarc.x.a.test",
        "_dmarc.a.test",
        "_dmarc.test",
    ]
    two: Answers = {Lookup("_dmarc.a.test", "TXT"): (b"v=DMARC1; p=none", b"v=DMARC1; p=reject")}
    assert judged(two).outcome == "none"


def test_a_failed_lookup_is_a_temperror() -> None:
    for name in ("_dmarc.a.test", "_dmarc.test"):
        answers = {**zone(a_test="p=reject"), Lookup(name, "TXT"): LookupFailed("timeout")}
        assert judged(answers).outcome == "temperror"


@pytest.mark.parametrize(
    ("domain", "records", "organization"),
    [
        ("mail.a.test", {}, "mail.a.test"),
        ("mail.a.test", {"a_test": "p=none"}, "a.test"),
        ("mail.a.test", {"mail_a_test": "p=none", "a_test": "p=none"}, "a.test"),
        ("mail.a.test", {"mail_a_test": "p=none; psd=n", "a_test": "p=none"}, "mail.a.test"),
        ("mail.a.test", {"test": "p=none; psd=y"}, "a.test"),
        ("mail.a.test", {"a_test": "p=none", "test": "p=none; psd=y"}, "a.test"),
        ("test", {"test": "p=none; psd=y"}, "test"),
        ("a.b.c.d.e.f.g.h.i.test", {"d_e_f_g_h_i_test": "psd=y"}, "c.d.e.f.g.h.i.test"),
    ],
)
def test_organizations(domain: str, records: dict[str, str], organization: str) -> None:
    assert run_with(organization_of(domain), zone(**records)) == organization


def test_long_names_cost_eight_questions() -> None:
    asked: list[Question] = []
    name = ".".join("abcdefghijklmnopqrstuvwxyz")
    judged({}, name, asked=asked)
    names: list[Any] = [question.name for question in asked if isinstance(question, Lookup)]
    assert names[0] == f"_dmarc.{name}"
    assert names[1] == "_dmarc.t.u.v.w.x.y.z"
    assert len(names) == 8
