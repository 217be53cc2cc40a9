import re

import pytest
from hypothesis import given, strategies as st

from postroom.sieve.matching import Keys, folded, glob, number, pattern
from postroom.sieve.problems import RunError
from postroom.sieve.script import Match

OCTET = "i;octet"
CASEMAP = "i;ascii-casemap"
UNICODE = "i;unicode-casemap"
NUMERIC = "i;ascii-numeric"


def fits(kind: str, comparator: str, text: str, *keys: str, relation: str = "") -> bool:
    return Keys(Match(kind, comparator, relation), keys).fit(text)


def captures(text: str, key: str, comparator: str = CASEMAP) -> tuple[str, ...] | None:
    keys = Keys(Match("matches", comparator), [key])
    return keys.captures if keys.fit(text) else None


def test_comparators() -> None:
    assert not fits("is", OCTET, "Abc", "abc")
    assert fits("is", CASEMAP, "AbC", "abc")
    assert not fits("is", CASEMAP, "Ä", "ä")
    assert fits("is", UNICODE, "Äß", "äß")
    assert fits("contains", UNICODE, "ΣΟΦΌΣ", "οφός")
    assert folded("ÄZ[", CASEMAP) == "Äz["


def test_contains_and_is() -> None:
    assert fits("contains", CASEMAP, "frobnitzm", "frob")
    assert not fits("contains", CASEMAP, "frobnitzm", "fish")
    assert fits("contains", OCTET, "x", "")
    assert fits("contains", OCTET, "", "")
    assert not fits("is", OCTET, "", "x")
    assert fits("is", OCTET, "b", "a", "b")


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("frobnitzm", "*frob*", ("frobnitzm", "", "nitzm")),
        ("frobnitzm", "frob?", None),
        ("frobn", "frob?", ("frobn", "n")),
        ("abc", "*", ("abc", "abc")),
        ("", "*", ("", "")),
        ("", "", ("",)),
        ("", "?", None),
        ("abcabc", "a*c", ("abcabc", "bcab")),
        ("abcabc", "a*c*", ("abcabc", "b", "abc")),
        (
            "[acme-users] [fwd] version",
            "[*] *",
            ("[acme-users] [fwd] version", "acme-users", "[fwd] version"),
        ),
        ("a*b", r"a\*b", ("a*b",)),
        ("axb", r"a\*b", None),
        ("a?b", r"a\?b", ("a?b",)),
        ("a\\b", r"a\\b", ("a\\b",)),
        ("ab", r"a\b", ("ab",)),
        ("a\\", "a\\", ("a\\",)),
        ("ABC", "?b?", ("ABC", "A", "C")),
        ("aab", "*?b", ("aab", "a", "a")),
        ("aXbXc", "*x*x*", ("aXbXc", "a", "b", "c")),
        ("abab", "*ab", ("abab", "ab")),
        ("ab", "*ab*ab", None),
        ("one\r\ntwo", "one*two", ("one\r\ntwo", "\r\n")),
        ("a\nb", "a?b", ("a\nb", "\n")),
        ("xay", "?a?", ("xay", "x", "y")),
        ("aaa", "**a", ("aaa", "", "aa")),
    ],
)
def test_wildcards(text: str, key: str, expected: tuple[str, ...] | None) -> None:
    assert captures(text, key) == expected


def test_wildcards_take_the_text_as_it_was() -> None:
    assert captures("Grüße Änne", "*ÜSSE *".replace("SS", "ß"), UNICODE) == (
        "Grüße Änne",
        "Gr",
        "Änne",
    )
    assert captures("éa", "?A", UNICODE) == ("éa", "é")
    assert captures("①é②", "1*2", UNICODE) == ("①é②", "é")
    assert captures("xéy", "x?y", UNICODE) == ("xéy", "é")


@given(st.text("ab?*", max_size=8), st.text("ab", max_size=10))
def test_wildcards_are_lazy_regular_expressions(key: str, text: str) -> None:
    expression = "".join({"*": "(.*?)", "?": "(.)"}.get(one, one) for one in key)
    found = re.fullmatch(expression, text)
    assert captures(text, key, OCTET) == (found and (text, *found.groups()))


def test_wildcards_never_blow_up() -> None:
    text = "a" * 5000
    assert captures(text, "*a" * 60 + "b") is None
    assert captures(text, "*?a" * 60 + "b") is None
    assert captures(text + "b", "*?a" * 60 + "*b") is not None


def test_question_marks_are_paid_for() -> None:
    assert Keys(Match("matches"), ["a*b"]).weight == 1
    assert Keys(Match("matches"), ["*a" * 4000]).weight > 500
    assert Keys(Match("matches"), ["?" * 4000]).weight > 400_000


def test_regular_expressions_are_paid_for_by_what_they_become() -> None:
    """A short one can be a large program, which RE2 may have to follow state by state."""
    short = Keys(Match("regex"), ["^a"])
    large = Keys(Match("regex"), ["(a|b)*a(a|b){500}c"])
    assert short.weight < 20
    assert large.weight > 1000
    assert short.price < large.price


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", 0), ("007", 7), ("12abc", 12), ("", None), ("abc", None), ("-1", None), (" 1", None)],
)
def test_numbers(text: str, expected: int | None) -> None:
    assert number(text) == expected


def test_numbers_are_bounded() -> None:
    with pytest.raises(RunError):
        number("9" * 1001)


@pytest.mark.parametrize(
    ("left", "relation", "right", "expected"),
    [
        ("2", "lt", "10", True),
        ("10", "gt", "2", True),
        ("x", "gt", "99", True),
        ("x", "eq", "y", True),
        ("x", "ge", "y", True),
        ("05", "eq", "5", True),
        ("5", "ne", "5", False),
        ("5", "le", "4", False),
    ],
)
def test_relations_of_numbers(left: str, relation: str, right: str, expected: bool) -> None:
    assert fits("value", NUMERIC, left, right, relation=relation) is expected


def test_relations_of_texts() -> None:
    assert fits("value", CASEMAP, "b", "A", relation="gt")
    assert fits("value", OCTET, "a", "B", relation="gt")
    assert not fits("value", OCTET, "10", "2", relation="gt")
    assert fits("is", NUMERIC, "3", "1", "03")


def test_regular_expressions() -> None:
    keys = Keys(Match("regex", CASEMAP), ["nothing", "(A+)(x)?([[:digit:]]+)$"])
    assert keys.fit("xx aa12")
    assert keys.captures == ("aa12", "aa", "", "12")
    assert not fits("regex", OCTET, "AA", "a")
    assert fits("regex", UNICODE, "Ä", "ä")
    assert fits("regex", OCTET, "a\nb", "a.b")


def test_regular_expressions_are_linear_and_bounded() -> None:
    assert not fits("regex", OCTET, "x" * 100_000, "^(([a-z0-9])+.?)*@")
    for bad in ("(", r"(a)\1", "(?=a)", "((a{1000}){1000}){1000}", "x" * 3000):
        with pytest.raises(RunError, match="regular expression"):
            pattern(bad, OCTET)


def test_keys_are_taken_apart_once() -> None:
    assert glob("a*", OCTET) is glob("a*", OCTET)
    long = "a*" * 1000
    assert glob(long, OCTET) is not glob(long, OCTET)
