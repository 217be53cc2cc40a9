"""Identifiers of objects."""

import pytest

from postroom.protocol.imap.object_ids import (
    OBJECT_ID,
    email_id,
    mailbox_id,
    number_of,
    thread_id,
)


@pytest.mark.parametrize("number", [1, 255, (1 << 63) - 1])
def test_they_read_back_as_their_own_kind_only(number: int) -> None:
    for text, kind in (
        (mailbox_id(number), "F"),
        (email_id(number), "M"),
        (thread_id(number), "T"),
    ):
        assert OBJECT_ID.fullmatch(text)
        assert [number_of(text, other) for other in ("F", "M", "T")] == [
            number if other == kind else 0 for other in ("F", "M", "T")
        ]


@pytest.mark.parametrize(
    "text", [b"", b"M", b"M0", b"M01", b"MFF", b"mff", b"Mxyz", b"M" + b"1" * 17]
)
def test_what_is_none_of_ours(text: bytes) -> None:
    assert number_of(text, "M") == 0
