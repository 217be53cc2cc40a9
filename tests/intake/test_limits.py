"""How much a message may be."""

import pytest

from postroom.intake.limits import (
    HEADER_TOO_LARGE,
    MAX_FIELDS,
    TOO_MANY_HOPS,
    header_fault,
    hop_fault,
)

FOLDED = b"Subject: " + b"x\r\n " * 3000 + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "is_fine"),
    [
        (b"A: b\r\n" * MAX_FIELDS + b"\r\n", True),
        (b"A: b\r\n" * (MAX_FIELDS + 1) + b"\r\n", False),
        (FOLDED, True),
        (b"A: " + b"x" * (256 * 1024 - 7) + b"\r\n\r\n", True),
        (b"A: " + b"x" * (256 * 1024) + b"\r\n\r\n", False),
        (b"", True),
    ],
)
def test_header_blocks_are_bounded(head: bytes, is_fine: bool) -> None:
    """D8."""
    assert header_fault(head) == (None if is_fine else HEADER_TOO_LARGE)


def test_hops_are_bounded() -> None:
    assert hop_fault(b"Received: x\r\n" * 99, 100) is None
    assert hop_fault(b"received : x\r\nReceived: x\r\n" * 100, 100) == TOO_MANY_HOPS
    assert hop_fault(b"X-Received: x\r\n" * 200, 100) is None
