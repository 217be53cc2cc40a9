"""The letters of RFC 4314."""

from postroom.access import rights


def test_every_right_is_a_letter_of_its_own() -> None:
    letters = [value for name, value in vars(rights).items() if name.isupper() and name != "ALL"]
    assert len(letters) == len(set(letters)) == len(rights.ALL)
    assert frozenset(letters) == rights.ALL
