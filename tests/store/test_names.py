"""Names of mailboxes (I1)."""

import pytest
from hypothesis import given, strategies as st

from postroom.errors import Invalid
from postroom.store.names import MAX_NAME, canonical, checked, superiors


@pytest.mark.parametrize(
    "name",
    [
        "", "/", "a//b", "/a", "a/", "../../x", "a/../../b", ".", "a/.", "~root", "\\\\h\\s",
        "a\0b", "a\r\nb", "a\x7fb", "a\u2028b", "a\ud800", "#news", "50%", "*", "a" * 256,
        "é" * 128, " a", "a ", "a/ b",
        "/".join(["a" * 200] * 6),
    ],
)  # fmt: skip
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        checked(name)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("inbox", "INBOX"),
        ("InBoX/lists", "INBOX/lists"),
        ("Inboxes", "Inboxes"),
        ("a/inbox", "a/inbox"),
        ("Entwu\u0308rfe", "Entw\u00fcrfe"),
        ("日本語/台北", "日本語/台北"),
        ('with "quotes" & more', 'with "quotes" & more'),
        ("a..b", "a..b"),
    ],
)
def test_good_names_get_one_form(written: str, kept: str) -> None:
    assert checked(written) == canonical(written) == kept


def test_superiors() -> None:
    assert list(superiors("a/b/c")) == ["a", "a/b"]
    assert list(superiors("a")) == []


@given(st.text(max_size=40))
def test_what_is_accepted_is_harmless_and_stays_as_it_is(name: str) -> None:
    try:
        kept = checked(name)
    except Invalid:
        return
    assert checked(kept) == kept
    assert len(kept.encode()) <= MAX_NAME
    assert all(level and level not in {".", ".."} for level in kept.split("/"))
    assert not any(ord(letter) < 32 for letter in kept)
