"""RFC 5782, and answers that are none."""

import pytest
from hypothesis import given, strategies as st

from postroom.config.connections import Dnsbl
from postroom.mailauth.lookups import (
    Answer,
    FetchFailed,
    Lookup,
    LookupFailed,
    Question,
)
from postroom.policy.blocklists import Blocklist, Listing
from postroom.policy.suspicion import Mark
from tests.mailauth.answers import run_with

Answers = dict[Question, Answer | LookupFailed | FetchFailed]
SIX = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"


def of_addresses(**settings: object) -> Blocklist:
    return Blocklist(Dnsbl(zone="bl.test.", **settings))  # type: ignore[arg-type]


def of_names(**settings: object) -> Blocklist:
    return of_addresses(lists="names", **settings)


def listing(blocklist: Blocklist, subject: str, *answers: str) -> Listing | None:
    question = Lookup(blocklist.question(subject) or "", "A")
    table: Answers = {question: answers}
    return run_with(blocklist.check(subject), table)


@pytest.mark.parametrize(
    ("address", "question"),
    [
        ("192.0.2.99", "99.2.0.192.bl.test"),
        ("::ffff:192.0.2.99", "99.2.0.192.bl.test"),
        ("2001:db8::1", f"{SIX}.bl.test"),
        ("2001:DB8:0::1", f"{SIX}.bl.test"),
        ("unix", None),
        ("", None),
    ],
)
def test_addresses_are_asked_for_in_reverse(address: str, question: str | None) -> None:
    assert of_addresses().question(address) == question


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("Mail.Example.ORG.", "mail.example.org.bl.test"),
        ("localhost", None),
        ("192.0.2.1", None),
        ("[192.0.2.1]", None),
        ("[IPv6:2001:db8::1]", None),
        ("a..b", None),
        ("bücher.example", None),
        ("x" * 60 + "." + "y" * 250, None),
        ("", None),
    ],
)
def test_names_are_asked_for_as_they_are_and_addresses_never(
    name: str, question: str | None
) -> None:
    assert of_names().question(name) == question


@given(st.text(max_size=300))
def test_whatever_a_client_calls_itself_only_good_names_are_asked_for(name: str) -> None:
    for blocklist in (of_names(), of_addresses()):
        question = blocklist.question(name)
        if question is not None:
            assert question.isascii()
            assert len(question) <= 253
            assert all(question.split("."))


@pytest.mark.parametrize("answer", ["127.0.0.2", "127.0.0.10", "127.1.2.3"])
def test_a_listing(answer: str) -> None:
    found = listing(of_addresses(score=4), "192.0.2.1", answer)
    assert found is not None
    assert found.mark == Mark(f"192.0.2.1 is listed in bl.test: {answer}", 4)
    assert found.refusal is None


@pytest.mark.parametrize(
    "answers",
    [
        (),
        ("127.0.0.1",),  # "you may not ask" of some lists
        ("127.255.255.252",),  # a slip in the name of the zone
        ("127.255.255.254",),  # asked through a public resolver
        ("127.255.255.255",),  # too many questions
        ("192.0.2.80",),  # the zone was abandoned and sold
        ("127.0.0.1", "127.255.255.254", "10.0.0.1"),
        ("nonsense",),
    ],
)
def test_an_error_is_never_a_listing(answers: tuple[str, ...]) -> None:
    assert listing(of_addresses(), "192.0.2.1", *answers) is None
    assert listing(of_names(), "example.org", *answers) is None


def test_an_error_is_no_listing_even_where_every_answer_counts() -> None:
    wide = of_addresses(answers=("127.*.*.*",))
    assert listing(wide, "192.0.2.1", "127.255.255.254", "127.0.0.1") is None
    assert listing(wide, "192.0.2.1", "127.9.9.9") is not None


def test_only_chosen_answers_count() -> None:
    chosen = of_addresses(answers=("127.0.0.2-3", "127.0.*.9"))
    assert listing(chosen, "192.0.2.1", "127.0.0.4") is None
    assert listing(chosen, "192.0.2.1", "127.0.7.9") is not None
    found = listing(chosen, "192.0.2.1", "127.0.0.4", "127.0.0.3", "127.255.255.254")
    assert found is not None
    assert found.answers == ("127.0.0.3",)


def test_who_can_not_be_looked_up_is_not_listed() -> None:
    table: Answers = {Lookup("1.2.0.192.bl.test", "A"): LookupFailed("SERVFAIL")}
    assert run_with(of_addresses().check("192.0.2.1"), table) is None
    assert run_with(of_names().check("192.0.2.1"), {}) is None


def test_a_refusal_says_where_to_look() -> None:
    refusing = of_addresses(refuse=True, link="https://bl.test/look?ip={}")
    found = listing(refusing, "192.0.2.1", "127.0.0.2")
    assert found is not None
    assert found.refusal is not None
    assert found.refusal.encode() == (
        b"550-5.7.1 192.0.2.1 is listed in bl.test\r\n"
        b"550 5.7.1 See https://bl.test/look?ip=192.0.2.1\r\n"
    )
    found = listing(of_names(refuse=True), "example.org", "127.0.1.2")
    assert found is not None
    assert found.refusal is not None
    assert len(found.refusal.lines) == 1


def test_a_list_of_good_ones_refuses_nobody() -> None:
    good = of_addresses(score=-3)
    assert good.good
    found = listing(good, "192.0.2.1", "127.0.5.3")
    assert found is not None
    assert found.mark.score == -3
    assert found.refusal is None
