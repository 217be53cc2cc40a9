"""Pages of texts."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.store.textpage import (
    FIELDS,
    MOST_LETTERS,
    MOST_OCTETS,
    LetterText,
    are_whole,
    cut,
    encoded,
    field_columns,
    field_holders,
    holders,
    message_ids,
    taken_apart,
    unpacked,
)

TEXT = st.text(alphabet="abAä: \ud800", max_size=6)
TEXTS = st.lists(TEXT, max_size=4)


def letter(
    ident: int,
    *,
    fields: list[list[str]] | None = None,
    head: list[str] | None = None,
    body: list[str] | None = None,
    is_whole: bool = True,
) -> LetterText:
    found = fields or [[] for _ in FIELDS]
    return LetterText(
        ident, is_whole, tuple(map(encoded, found)), encoded(head or []), encoded(body or [])
    )


LETTERS = st.lists(
    st.builds(
        lambda fields, head, body, is_whole: letter(
            0, fields=fields, head=head, body=body, is_whole=is_whole
        ),
        st.lists(TEXTS, min_size=len(FIELDS), max_size=len(FIELDS)),
        TEXTS,
        TEXTS,
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
).map(
    lambda letters: [
        msgspec.structs.replace(one, message_id=7 * number + 1)
        for number, one in enumerate(letters)
    ]
)


@given(LETTERS)
def test_what_went_into_pages_comes_out_of_them(letters: list[LetterText]) -> None:
    pages = cut(letters, 1000)
    assert [one for page in pages for one in taken_apart(page)] == letters
    assert all(page.letters <= MOST_LETTERS for page in pages)
    assert [page.upto for page in pages[:-1]] == [taken_apart(p)[-1].message_id for p in pages[:-1]]
    assert pages[-1].upto == 1000
    for page in pages:
        columns = [page.ids, page.signature, page.fields, page.heads, page.bodies]
        assert page.octets == sum(map(len, columns))


def test_no_letters_are_no_page() -> None:
    assert cut([], 5) == []


def test_a_page_is_bounded_but_one_letter_fits() -> None:
    big = "x" * (MOST_OCTETS // 2)
    letters = [letter(n, body=[big]) for n in range(1, 6)]
    letters.append(letter(6, head=[big] * 9))
    assert [page.letters for page in cut(letters, 6)] == [2, 2, 1, 1]
    assert [page.letters for page in cut([letter(n) for n in range(1, 40)], 99)] == [16, 16, 7]


def test_ids_of_63_bits() -> None:
    (page,) = cut([letter((1 << 63) - 1, is_whole=False)], (1 << 63) - 1)
    assert message_ids(page.ids) == [((1 << 63) - 1, False)]


@given(st.lists(st.booleans(), min_size=1, max_size=16))
def test_pages_of_which_nothing_was_left_out(wholes: list[bool]) -> None:
    (page,) = cut([letter(n, is_whole=is_whole) for n, is_whole in enumerate(wholes, 250)], 999)
    assert are_whole(page.ids) is all(wholes)


@given(st.lists(TEXTS, min_size=1, max_size=16), TEXT.filter(bool))
def test_holders_are_the_letters_with_the_text(bodies: list[list[str]], wanted: str) -> None:
    (page,) = cut([letter(n, body=texts) for n, texts in enumerate(bodies, 1)], 99)
    expected = [n for n, texts in enumerate(bodies) if any(wanted in text for text in texts)]
    octets = wanted.encode("utf-8", "surrogatepass")
    assert list(holders(unpacked(page.bodies), octets)) == expected


LINE = st.one_of(
    TEXT, st.builds(lambda n, b, v: n + b + ":" + v, st.sampled_from(["a", "ab"]), TEXT, TEXT)
)


@given(
    st.lists(st.lists(LINE, max_size=4), min_size=1, max_size=16),
    st.sampled_from(["a", "ab", "b"]),
    TEXT,
)
def test_field_holders_are_the_letters_with_the_text_in_that_field(
    heads: list[list[str]], name: str, wanted: str
) -> None:
    (page,) = cut([letter(n, head=lines) for n, lines in enumerate(heads, 1)], 99)

    def has(line: str) -> bool:
        written, colon, value = line.partition(":")
        return bool(colon) and written.rstrip(" \t") == name and wanted in value.strip(" \t\r")

    expected = [n for n, lines in enumerate(heads) if any(map(has, lines))]
    octets = wanted.encode("utf-8", "surrogatepass")
    assert list(field_holders(unpacked(page.heads), name.encode(), octets)) == expected


def test_columns_of_fields() -> None:
    fields = [["s"], ["f"], ["t", "u"], [], ["b"]]
    (page,) = cut([letter(1, fields=fields), letter(2)], 2)
    assert field_columns(page.fields) == [b"s\xff", b"f\xff", b"t\xfeu\xff", b"\xff", b"b\xff"]


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-3], lambda c: c[:9] + b"?" + c[10:], lambda _c: b""]
)
def test_a_damaged_page_is_told(damage: Callable[[bytes], bytes]) -> None:
    (page,) = cut([letter(1, body=["abc" * 50]), letter(2)], 2)
    with pytest.raises(ValueError, match=r"."):
        taken_apart(msgspec.structs.replace(page, bodies=damage(page.bodies)))
