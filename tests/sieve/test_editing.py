import pytest

from postroom.message.headers import MAX_HEADER
from postroom.sieve.actions import FileInto, Keep
from tests.sieve.desk import actions, holds, outcome, problems

LETTER = b"X-A: one\r\nX-A: two\r\nReceived: r\r\nX-A: three\r\n\r\nbody\r\n"
NEEDED = 'require ["editheader", "fileinto", "variables"];'


def edited(commands: str, letter: bytes = LETTER) -> bytes | None:
    (action,) = actions(NEEDED + commands, letter)
    assert isinstance(action, Keep)
    return action.head


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        ("", None),
        (
            'addheader "X-B" "new";',
            b"X-B: new\r\nX-A: one\r\nX-A: two\r\nReceived: r\r\nX-A: three\r\n\r\n",
        ),
        (
            'addheader :last "X-B" "new";',
            b"X-A: one\r\nX-A: two\r\nReceived: r\r\nX-A: three\r\nX-B: new\r\n\r\n",
        ),
        ('deleteheader "x-a";', b"Received: r\r\n\r\n"),
        ('deleteheader :index 1 "X-A";', b"X-A: two\r\nReceived: r\r\nX-A: three\r\n\r\n"),
        ('deleteheader :index 1 :last "X-A";', b"X-A: one\r\nX-A: two\r\nReceived: r\r\n\r\n"),
        ('deleteheader :index 4 "X-A";', None),
        ('deleteheader :contains "X-A" ["o"];', b"Received: r\r\nX-A: three\r\n\r\n"),
        ('deleteheader :index 1 "X-A" "two";', None),
        ('deleteheader :matches "X-A" "t*";', b"X-A: one\r\nReceived: r\r\n\r\n"),
        ('deleteheader "received"; addheader "Received" "x"; deleteheader "Return-Path";', None),
        ('deleteheader "none";', None),
    ],
)
def test_edits(commands: str, expected: bytes | None) -> None:
    assert edited(commands) == expected


def test_values_are_encoded_folded_and_stay_one_field() -> None:
    assert edited('addheader "X-B" "grün";', b"\r\n") == b"X-B: =?utf-8?B?Z3LDvG4=?=\r\n\r\n"
    assert edited('addheader "X-B" "a\r\nEvil: b";', b"\r\n") == b"X-B: a Evil: b\r\n\r\n"
    long = edited('addheader "X-B" "%s";' % ("word " * 40), b"\r\n")
    assert long
    assert max(map(len, long.split(b"\r\n"))) <= 78
    assert long.count(b"\r\n") > 3


def test_a_head_without_an_empty_line() -> None:
    assert edited('addheader :last "X-B" "b";', b"X-A: a") == b"X-A: a\r\nX-B: b\r\n"


def test_later_tests_and_actions_see_the_change() -> None:
    script = (
        NEEDED + 'fileinto "before"; addheader "X-B" "b"; fileinto "after"; deleteheader "X-B";'
    )
    before, after = actions(script, LETTER)
    assert isinstance(before, FileInto)
    assert before.head is None
    assert isinstance(after, FileInto)
    assert after.head == b"X-B: b\r\n" + LETTER.removesuffix(b"body\r\n")
    assert holds('header "x-b" "b"', LETTER, require="editheader", before='addheader "X-B" "b";')
    assert not holds('exists "x-a"', LETTER, require="editheader", before='deleteheader "X-A";')
    size = len(LETTER)
    assert holds(f"size :under {size}", LETTER, require="editheader", before='deleteheader "X-A";')


def test_an_error_keeps_the_letter_as_it_came() -> None:
    found = outcome(NEEDED + 'addheader "X-B" "b"; redirect "${none}";', LETTER)
    assert found.actions == (Keep(is_implicit=True),)


def test_a_head_does_not_grow_without_end() -> None:
    letter = b"X-A: " + b"x" * (MAX_HEADER - 100) + b"\r\n\r\n"
    found = outcome(NEEDED + 'addheader "X-B" "%s";' % ("x" * 200), letter)
    assert found.error
    assert "header would become too large" in found.error


def test_names_are_checked() -> None:
    assert problems(NEEDED + 'addheader "X B" "b";')
    found = outcome(NEEDED + 'set "n" "X:B"; addheader "${n}" "b";')
    assert found.error
    assert "is no name of a header field" in found.error
