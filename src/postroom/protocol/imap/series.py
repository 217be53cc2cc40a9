"""Series: the same FETCH of one message after the other, as clients send it by the thousand.

Such commands differ in their tag and in one number. What is equal in all of them is read
once; of the others only these two are (RFC 3501 §9: a line is a command of its own).
"""

from typing import Self

import msgspec

from postroom.protocol.imap.commands import Fetch
from postroom.protocol.imap.sets import MAX_NUMBER
from postroom.protocol.imap.tokens import MAX_TAG, TAG


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

    def take(self, line: bytes) -> tuple[bytes, Fetch] | None:
        """Tag and command of a line with its CRLF; None when it is no further one."""
        tag, start, rest = line.partition(self.start)
        if not start or not rest.endswith(self.end) or len(tag) > MAX_TAG:
            return None
        number = rest[: -len(self.end)]
        if not number.isdigit() or len(number) > 10 or number[0] == 0x30:
            return None
        uid = int(number)
        if uid > MAX_NUMBER or TAG.fullmatch(tag) is None:
            return None
        first = self.first
        return tag, Fetch(
            ((uid, uid),), first.items, first.by_uid, first.changed_since, first.vanished,
            first.partial,
        )  # fmt: skip
