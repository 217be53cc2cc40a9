"""LIST patterns."""

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.patterns import Pattern, ancestors


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*", "a/b", True),
        ("%", "a", True),
        ("%", "a/b", False),
        ("a", "a", True),
        ("a", "b", False),
        ("a/%", "a/b", True),
        ("a/%", "a/b/c", False),
        ("a/*", "a/b/c", True),
        ("a/*", "a", False),
        ("%/%", "a/b", True),
        ("*b", "a/ab", True),
        ("%b", "a/ab", False),
        ("a%c", "abc", True),
        ("inbox", "INBOX", True),
        ("Inbox/%", "INBOX/x", True),
        ("i%", "INBOX", True),
        ("*x", "INBOX", True),
        ("", "", True),
        ("", "a", False),
        ("x", "INBOX", False),
    ],
)
def test_matches(pattern: str, name: str, expected: bool) -> None:
    assert Pattern(pattern).matches(name) is expected


def _reference(pattern: str, name: str) -> bool:
    reached = {0}
    for place, letter in enumerate(pattern):
        following: set[int] = set()
        for start in reached:
            if letter in "*%":
                end = start
                following.add(end)
                while end < len(name) and (letter == "*" or name[end] != "/"):
                    end += 1
                    following.add(end)
            elif name[start : start + 1] == letter:
                following.add(start + 1)
        reached = following
        if not reached:
            return False
        assert place >= 0
    return len(name) in reached


@given(st.text("ab/*%", max_size=12), st.text("ab/", max_size=12))
def test_agrees_with_a_plain_matcher(pattern: str, name: str) -> None:
    assert Pattern(pattern).matches(name) is _reference(pattern, name)


def test_hostile_patterns_are_cheap() -> None:
    pattern = Pattern("*a%" * 300 + "b")
    names = ["a/" * 100 + "a" * 50] * 50
    assert not any(pattern.matches(name) for name in names)


def test_ancestors() -> None:
    assert ancestors(["a/b/c", "x", "a/d"]) == {"a", "a/b"}
    assert ancestors(["/a"]) == set()


def test_letters_are_composed_as_in_names() -> None:
    assert Pattern("Entwu\u0308r%").matches("Entw\u00fcrfe")
    assert Pattern("Entwu\u0308rfe").matches("Entw\u00fcrfe")
