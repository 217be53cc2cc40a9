"""Keyword texts."""

import pytest

from postroom.errors import Invalid
from postroom.store.flags import (
    has_keyword,
    join_keywords,
    with_keywords,
    without_keywords,
)


def test_keywords_are_sorted_and_compared_without_case() -> None:
    assert join_keywords(["b", "$Junk", "B"]) == "$Junk B"
    assert with_keywords("$Forwarded", ["$forwarded", "a"]) == "$Forwarded a"
    assert without_keywords("$Forwarded a", ["$FORWARDED", "x"]) == "a"
    assert has_keyword("$Forwarded a", "A")
    assert not has_keyword("$Forwarded a", "$For")
    assert not has_keyword("", "")


def test_the_number_and_the_length_of_keywords_are_bounded() -> None:
    with pytest.raises(Invalid):
        join_keywords(f"k{number}" for number in range(101))
    with pytest.raises(Invalid):
        with_keywords("a" * 4000, ["b" * 100])
