"""The value that stands between writer and row."""

import msgspec
import pytest

from postroom.blobs.prepared import IN_FILE, IN_FRAMES, IN_ROW, Prepared


def test_a_prepared_blob_does_not_change() -> None:
    blob = Prepared(1, b"h", 1, None, 2, IN_FILE, b"", b"d", "/path")
    with pytest.raises(AttributeError):
        blob.id = 2  # type: ignore[misc]
    assert msgspec.structs.replace(blob, id=2) == Prepared(
        2, b"h", 1, None, 2, IN_FILE, b"", b"d", "/path"
    )


def test_places_are_those_of_the_schema() -> None:
    assert (IN_ROW, IN_FILE, IN_FRAMES) == (0, 1, 2)
