"""Names of clients that lead back, elsewhere, nowhere, or can't be looked up."""

from ipaddress import IPv6Address, ip_address

from postroom.mailauth.iprev import MAX_NAMES, Result, check
from postroom.mailauth.lookups import Answer, FetchFailed, Lookup, LookupFailed, Question
from tests.mailauth.answers import run_with

IP = ip_address("192.0.2.7")
Answers = dict[Question, Answer | LookupFailed | FetchFailed]
PTR = Lookup("7.2.0.192.in-addr.arpa", "PTR")


def test_the_first_name_that_leads_back() -> None:
    answers: Answers = {
        PTR: ("other.example.", "MX.Example."),
        Lookup("other.example", "A"): ("192.0.2.8",),
        Lookup("mx.example", "A"): ("192.0.2.1", "192.0.2.7"),
    }
    assert run_with(check(IP), answers) == Result(outcome="pass", name="mx.example")


def test_names_that_lead_elsewhere() -> None:
    answers: Answers = {PTR: ("mx.example",), Lookup("mx.example", "A"): ("192.0.2.8",)}
    found = run_with(check(IP), answers)
    assert found.outcome == "fail"
    assert found.name == ""


def test_no_name() -> None:
    assert run_with(check(IP), {}).outcome == "permerror"


def test_what_can_not_be_looked_up() -> None:
    assert run_with(check(IP), {PTR: LookupFailed("silence")}).outcome == "temperror"
    answers: Answers = {
        PTR: ("mx.example",),
        Lookup("mx.example", "A"): LookupFailed("silence"),
    }
    assert run_with(check(IP), answers) == Result(outcome="temperror", problem="silence")


def test_an_ipv4_address_in_ipv6() -> None:
    answers: Answers = {PTR: ("mx.example",), Lookup("mx.example", "A"): ("192.0.2.7",)}
    assert run_with(check(IPv6Address("::ffff:192.0.2.7")), answers).outcome == "pass"


def test_ipv6() -> None:
    ip = ip_address("2001:db8::7")
    answers: Answers = {
        Lookup(ip.reverse_pointer, "PTR"): ("mx.example",),
        Lookup("mx.example", "AAAA"): ("2001:db8:0:0::7",),
    }
    assert run_with(check(ip), answers).outcome == "pass"


def test_a_hundred_names_are_not_followed() -> None:
    asked: list[Question] = []
    names = tuple(f"n{number}.example" for number in range(100))
    assert run_with(check(IP), {PTR: names}, asked).outcome == "fail"
    assert len(asked) == 1 + MAX_NAMES
