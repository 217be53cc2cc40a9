"""A header block whose fields are changed: those that are not stay octet by octet."""

import pytest
from hypothesis import given, strategies as st

from postroom.message.amendment import Amendment, TooLarge

HEAD = b"A: 1\r\njunk\r\nB : 2\r\n folded\r\na: 3\r\n\r\n"


def test_fields() -> None:
    assert Amendment(HEAD).fields() == [
        (b"A", b" 1\r\n"),
        (b"B", b" 2\r\n folded\r\n"),
        (b"a", b" 3\r\n"),
    ]
    assert Amendment(HEAD).head() == HEAD


def test_changes() -> None:
    one = Amendment(HEAD)
    one.insert(1, b"X", b" x")
    one.append(b"Y", b" y")
    one.change(2, b"A", b" 4")
    one.change(1, b"b", b"")
    one.change(0, b"y", b" z")
    one.change(3, b"A", b" new")
    one.change(9, b"absent", b"")
    assert one.head() == (b"A: 1\r\njunk\r\nX: x\r\nA: 4\r\ny: z\r\nA: new\r\n\r\n")


def test_only_what_was_there_is_mended() -> None:
    one = Amendment(HEAD)
    one.insert(0, b"A", b" 0")
    one.change(3, b"A", b" 3")
    assert one.head(lambda octets: b"" if octets[:1] in b"Aa" else octets) == (
        b"A: 0\r\njunk\r\nB : 2\r\n folded\r\nA: 3\r\n\r\n"
    )


def test_a_copy_is_changed_apart() -> None:
    one = Amendment(HEAD)
    other = one.copy()
    other.append(b"X", b" x")
    assert one.head() == HEAD
    assert other.head() == HEAD[:-2] + b"X: x\r\n\r\n"


def test_a_block_has_an_end() -> None:
    one = Amendment(b"A: 1")
    assert one.head() == b"A: 1\r\n\r\n"
    empty = Amendment(b"\r\n")
    empty.append(b"X", b" x")
    assert empty.head() == b"X: x\r\n\r\n"


def test_there_is_a_limit() -> None:
    one = Amendment(HEAD)
    with pytest.raises(TooLarge):
        one.append(b"X", b"y" * 300_000)
    for _ in range(996):
        one.append(b"X", b" x")
    with pytest.raises(TooLarge):
        one.append(b"X", b" x")


@given(st.binary(max_size=200))
def test_whatever_octets_stay_as_they_are(octets: bytes) -> None:
    head = octets.replace(b"\n\n", b"\n").replace(b"\n\r\n", b"\n")
    if head.startswith((b"\n", b"\r\n")):
        return
    found = Amendment(
        head + (b"" if head.endswith(b"\n") or not head else b"\r\n") + b"\r\n"
    ).head()
    assert found.startswith(head)
