"""Series: the same FETCH of one message after the other, as clients send it by the thousand.

Such commands differ in their tag and in one number. What is equal in all of them is read
once; of the others only these two are (RFC 3501 §9: a line is a command of its own).
"""

from collections.abc import Iterator
from typing import NamedTuple, Self

import msgspec

from postroom.protocol.imap.commands import Fetch
from postroom.protocol.imap.sets import MAX_NUMBER
from postroom.protocol.imap.tokens import MAX_TAG, TAG


class Single(NamedTuple):
    """A further command of a series: its tag, its number, and how many octets its line has."""

    tag: bytes
    number: int
    size: int


class Series(msgspec.Struct, frozen=True):
    """``first``, and what stands in it between tag and number, and behind the number."""

    first: Fetch
    start: bytes
    end: bytes

    @classmethod
    def of(cls, octets: bytes, command: Fetch) -> Self | None:
        """The series that may begin with this command; None: it is not of one message."""
        if len(command.ranges) != 1 or b"\n" in octets:  # a literal is not looked into
            return None
        low, high = command.ranges[0]
        if low != high or not 0 < low <= MAX_NUMBER:
            return None
        rest = octets.partition(b" ")[2]
        words, number, end = rest.partition(b" %d " % low)
        if not number:
            return None
        return cls(command, b" %b " % words, b" %b\r\n" % end)

    def singles(self, octets: bytes) -> Iterator[Single]:
        """The commands whose lines these octets begin with, up to the first that is no further one."""
        start, end = self.start, self.end
        more = len(start) + len(end)
        place = 0
        while True:
            middle = octets.find(b" ", place, place + MAX_TAG + 1)
            if middle < 0 or not octets.startswith(start, middle):
                return
            behind = octets.find(end, middle + len(start))
            tag, number = octets[place:middle], octets[middle + len(start) : behind]
            if behind < 0 or not number.isdigit() or len(number) > 10 or number[0] == 0x30:
                return
            uid = int(number)
            if uid > MAX_NUMBER or TAG.fullmatch(tag) is None:
                return
            yield Single(tag, uid, len(tag) + len(number) + more)
            place = behind + len(end)

    def command(self, number: int) -> Fetch:
        """The command with this number."""
        first = self.first
        return Fetch(
            ((number, number),), first.items, first.by_uid, first.changed_since, first.vanished,
            first.partial,
        )  # fmt: skip
