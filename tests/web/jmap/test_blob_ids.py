"""Ids of blobs that are messages or their parts."""

import pytest
from hypothesis import given, strategies as st

from postroom.web.jmap import blob_ids
from postroom.web.jmap.arguments import is_id
from postroom.web.jmap.blob_ids import Place

PLACES = st.builds(
    Place, st.integers(1, (1 << 63) - 1), st.lists(st.integers(1, 9999), max_size=5).map(tuple)
)


@given(PLACES)
def test_they_are_read_back(place: Place) -> None:
    written = blob_ids.written(place)
    assert is_id(written)
    assert blob_ids.read(written) == place


@pytest.mark.parametrize(
    "ident", ["", "B", "B0", "M1", "B1-", "B1-0", "B1--1", "B1-x", "b1", "B1\n"]
)
def test_what_is_none(ident: str) -> None:
    assert blob_ids.read(ident) is None
