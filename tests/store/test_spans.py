"""Spans of UIDs."""

import pytest

from postroom.store.spans import Span, span_of


def test_a_run_is_a_range_and_gaps_are_listed() -> None:
    assert span_of([3, 4, 5]) == Span(3, 5)
    assert span_of(range(1, 100_000)) == Span(1, 99_999)
    assert span_of([3, 5]) == Span(3, 5, (3, 5))
    assert span_of([3, 5]).where("e.uid") == "e.uid BETWEEN 3 AND 5 AND e.uid IN (3,5)"


def test_a_range_is_asked_for_with_parameters() -> None:
    assert Span(3, 5).bound("e.uid") == ("e.uid BETWEEN :first AND :last", {"first": 3, "last": 5})
    assert Span(3, 5, (3, 5)).bound() == (Span(3, 5, (3, 5)).where(), {})


def test_a_list_is_bounded() -> None:
    with pytest.raises(ValueError, match="too many"):
        span_of(range(1, 4000, 2))
