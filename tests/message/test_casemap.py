"""i;unicode-casemap, RFC 5051."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from postroom.message.casemap import casemap


@pytest.mark.parametrize(
    ("text", "mapped"),
    [
        ("", ""),
        ("Hello, World 1", "HELLO, WORLD 1"),
        ("Grün", "GRU\u0308N"),
        ("gru\u0308n", "GRU\u0308N"),
        ("СЕРГЕЙ и Сергей", "СЕРГЕИ\u0306 И СЕРГЕИ\u0306"),
        ("ὈΔΥΣΣΕΎΣ", casemap("ὀδυσσεύς")),  # a final sigma is a sigma
        ("ǆ ǅ Ǆ", "Dz\u030c Dz\u030c Dz\u030c"),  # titlecase, not upper case
        ("Ａｂ", "AB"),  # compatibility forms
        ("straße", "STRAßE"),  # no letter becomes two by its case
        ("ﬁ", "fi"),  # its decomposition is taken as it is
        ("ᾳ", "Α\u0345"),
        ("한글 漢字 \U0001f600", "한글 漢字 \U0001f600"),
        ("\U00010428", "\U00010400"),
    ],
)
def test_what_texts_are_mapped_to(text: str, mapped: str) -> None:
    assert casemap(text) == mapped


def test_every_character_of_the_lowest_plane() -> None:
    def decomposed(character: str) -> str:
        words = unicodedata.decomposition(character).split()
        codes = [int(word, 16) for word in words if not word.startswith("<")]
        return "".join([decomposed(chr(code)) for code in codes]) or character

    for code in range(0x10000):
        character = chr(code)
        title = character.title()
        expected = decomposed(title if len(title) == 1 else character)
        assert casemap(character) == expected, hex(code)


@given(st.text(), st.text())
def test_a_text_may_be_mapped_in_pieces(first: str, second: str) -> None:
    assert casemap(first + second) == casemap(first) + casemap(second)


@given(st.text())
def test_mapped_texts_sort_as_their_octets(text: str) -> None:
    texts = [casemap(text[at:]) for at in range(len(text))]
    assert sorted(texts) == sorted(texts, key=lambda one: one.encode())
