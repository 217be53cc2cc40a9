"""Sequence sets as ranges: ``1:3,7,9:*`` (RFC 3501 §9 sequence-set).

A set is a tuple of ``(first, last)`` pairs as they were written, smaller number first;
``*`` is ``STAR``, greater than every number. A range is never materialised, so
``1:4294967295`` costs as much as ``1``. Which messages a set names is for ``access``.
"""

from collections.abc import Iterable, Sequence
from typing import Final

Range = tuple[int, int]
Ranges = tuple[Range, ...]

MAX_NUMBER: Final = 0xFFFFFFFF  # nz-number, RFC 3501 §9
STAR: Final = MAX_NUMBER + 1
# "$", the saved result of a search (RFC 5182), as a set; 0 is no number of a message
SAVED: Final[Ranges] = ((0, 0),)


class BadSet(ValueError):
    """The text is no sequence set."""


def parse_set(text: bytes) -> Ranges:
    """Read a sequence set; raises BadSet and nothing else."""
    return tuple([_range(item) for item in text.split(b",")])


def write_set(numbers: Sequence[int]) -> bytes:
    """Write numbers in their order, neighbours joined: ``[1, 2, 3, 7]`` is ``1:3,7``.

    The order is kept because COPYUID pairs two sets by position (RFC 4315 §3).
    """
    return write_ranges(joined(numbers))


def joined(numbers: Sequence[int]) -> list[Range]:
    """Numbers in their order as ranges, neighbours joined."""
    out: list[Range] = []
    at = 0
    while at < len(numbers):
        first = last = numbers[at]
        at += 1
        while at < len(numbers) and numbers[at] == last + 1:
            last += 1
            at += 1
        out.append((first, last))
    return out


def write_ranges(ranges: Iterable[Range]) -> bytes:
    """Write ranges in their order."""
    return b",".join(
        [b"%d" % first if first == last else b"%d:%d" % (first, last) for first, last in ranges]
    )


def _range(item: bytes) -> Range:
    first, colon, last = item.partition(b":")
    low = _number(first)
    if not colon:
        return low, low
    high = _number(last)
    return (low, high) if low <= high else (high, low)


def _number(text: bytes) -> int:
    if text == b"*":
        return STAR
    if not text.isdigit() or len(text) > 10 or text[0] == 0x30:
        raise BadSet("a number in the set is missing or bad")
    number = int(text)
    if number > MAX_NUMBER:
        raise BadSet("a number in the set is above 4294967295")
    return number
