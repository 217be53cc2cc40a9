"""The letters, and what they allow."""

import pytest

from postroom.access import rights
from postroom.store.flags import ALL, ANSWERED, DELETED, DRAFT, FLAGGED, SEEN


def test_every_right_is_a_letter_of_its_own() -> None:
    letters = [
        value for value in vars(rights).values() if isinstance(value, str) and len(value) == 1
    ]
    assert sorted(letters) == sorted(rights.ALL)
    assert rights.KNOWING | rights.CHANGING < rights.ALL


def test_letters_are_written_in_one_order() -> None:
    assert rights.written(rights.ALL) == "lrswipkxtea"
    assert rights.written(frozenset("arl")) == "lra"
    assert rights.written(frozenset()) == ""


@pytest.mark.parametrize(
    ("letters", "mask"),
    [
        ("lrswipkxtea", ALL),
        ("lripkxea", 0),
        ("s", SEEN),
        ("t", DELETED),
        ("w", ANSWERED | FLAGGED | DRAFT),
        ("st", SEEN | DELETED),
    ],
)
def test_flags_go_with_three_rights(letters: str, mask: int) -> None:
    assert rights.flag_mask(frozenset(letters)) == mask
