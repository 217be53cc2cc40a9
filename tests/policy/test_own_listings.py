"""A list is believed only while its test entries are right."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final

import pytest

from postroom.mailauth.lookups import (
    Answer,
    FetchFailed,
    Lookup,
    LookupFailed,
    Question,
)
from postroom.policy import own_listings
from postroom.policy.own_listings import Listed, Looked
from tests.mailauth.answers import run_with

Said = Mapping[Question, Answer | LookupFailed | FetchFailed]

ZONE: Final = "list.test"
OURS: Final = ip_address("192.0.2.9")
OURS_6: Final = ip_address("2001:db8::9")
HELD: Final = Lookup("2.0.0.127.list.test", "A")
FREE: Final = Lookup("1.0.0.127.list.test", "A")
ASKED: Final = Lookup("9.2.0.192.list.test", "A")
WHY: Final = Lookup("9.2.0.192.list.test", "TXT")
GOOD: Final[Said] = {HELD: ("127.0.0.2",)}


def look(said: Said) -> Looked:
    return run_with(own_listings.look(ZONE, [OURS]), said)


def test_who_is_not_listed_hears_so() -> None:
    asked: list[Question] = []
    found = run_with(own_listings.look("list.test.", [OURS]), GOOD, asked)
    assert found == Looked(ZONE, ("192.0.2.9",))
    assert asked == [HELD, FREE, ASKED]


def test_a_listing_comes_with_the_reason_of_the_list() -> None:
    said = {**GOOD, ASKED: ("127.0.0.4", "127.0.0.1"), WHY: (b"see https://list.test/9\n", b"x")}
    (listed,) = look(said).listed
    assert listed == Listed(ZONE, "192.0.2.9", ("127.0.0.4",), "see https://list.test/9\ufffd")


def test_a_listing_without_a_reason_is_one() -> None:
    silent: list[Said] = [{}, {WHY: LookupFailed("SERVFAIL")}]
    for one in silent:
        (listed,) = look({**GOOD, ASKED: ("127.0.0.2",), **one}).listed
        assert listed.reason == ""


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "does not list its test entry"),
        ({HELD: ("127.255.255.254",), ASKED: ("127.255.255.254",)}, "does not serve the resolver"),
        ({HELD: ("127.0.0.1",)}, "does not list its test entry"),
        ({HELD: ("198.51.100.1",), ASKED: ("198.51.100.1",)}, "does not list its test entry"),
        ({HELD: ("127.0.0.2",), FREE: ("127.0.0.2",)}, "answers everything"),
        ({HELD: ("127.0.0.2",), FREE: ("198.51.100.1",)}, "answers everything"),
        ({HELD: LookupFailed("timeout")}, "does not answer: timeout"),
        ({HELD: ("127.0.0.2",), FREE: LookupFailed("timeout")}, "does not answer: timeout"),
    ],
)
def test_a_list_with_wrong_test_entries_never_lists_us(said: Said, why: str) -> None:
    found = look({ASKED: ("127.0.0.2",), **said})
    assert (found.addresses, found.listed) == ((), ())
    assert why in found.problem


def test_error_answers_and_silence_are_no_listings() -> None:
    assert look({**GOOD, ASKED: ("127.255.255.255",)}) == Looked(ZONE, ("192.0.2.9",))
    found = look({**GOOD, ASKED: LookupFailed("SERVFAIL")})
    assert (found.addresses, found.listed) == ((), ())
    assert found.problem == "it does not answer for 192.0.2.9: SERVFAIL"


def test_ipv6_is_asked_where_the_list_holds_its_test_entry() -> None:
    zeros = "0." * 20
    held = Lookup(f"2.0.0.0.0.0.f.7.f.f.f.f.{zeros}{ZONE}", "A")
    asked = Lookup(f"9.{'0.' * 23}8.b.d.0.1.0.0.2.{ZONE}", "A")
    both = [OURS, OURS_6]
    found = run_with(
        own_listings.look(ZONE, both), {**GOOD, held: ("127.0.0.2",), asked: ("127.0.0.3",)}
    )
    assert [one.address for one in found.listed] == ["2001:db8::9"]
    assert run_with(own_listings.look(ZONE, both), GOOD) == Looked(ZONE, ("192.0.2.9",))
