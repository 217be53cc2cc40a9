"""RFC 4013: what is mapped, and what is prohibited."""

import pytest

from postroom.protocol.sasl import prep


@pytest.mark.parametrize(
    ("typed", "mapped"),
    [
        ("I\u00adX", "IX"),  # RFC 4013 §3, examples 1 to 5
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b\u3000c", "a b c"),
        ("e\u0301", "é"),
        ("\u200b\ufeff", ""),
        ("", ""),
        ("a\tb", "a\tb"),  # prohibited, not mapped
        ("\U0001f600", "\U0001f600"),
    ],
)
def test_a_text_has_one_form(typed: str, mapped: str) -> None:
    assert prep.mapped(typed) == mapped
    assert prep.mapped(mapped) == mapped


@pytest.mark.parametrize(
    "letter",
    [
        "\0",
        "\x7f",
        "\u0085",
        "\ue000",
        "\ufdd0",
        "\ud800",
        "\ufff9",
        "\u2ff0",
        "\u200e",
        "\U000e0001",
    ],
)
def test_what_can_not_be_shown_is_prohibited(letter: str) -> None:
    assert prep.is_prohibited(letter)


@pytest.mark.parametrize("letter", [" ", "a", "é", "日", "\u05d0", "\U0001f600", "\u0378"])
def test_right_to_left_and_unassigned_letters_are_not(letter: str) -> None:
    assert not prep.is_prohibited(letter)
