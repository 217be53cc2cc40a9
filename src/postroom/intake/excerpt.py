"""What scripts see of a message that is not in memory: much of it, within bounds.

Its beginning; and of what comes later the header blocks of all parts, so that an attachment is
found behind another one, and the texts. RFC 5703 §4, RFC 5173 §5.
"""

from collections import deque
from collections.abc import Iterator
from typing import Final

import msgspec

from postroom.intake.arrival import Arrival
from postroom.message.part import Part
from postroom.sieve.mime import walk

MAX_BEGINNING: Final = 1024 * 1024  # octets of the body
MAX_LATER: Final = 1024 * 1024  # octets of what stands behind them


class Excerpt(msgspec.Struct, frozen=True):
    """``later`` are pieces behind the ``beginning``, by their offsets in the message."""

    beginning: bytes
    later: dict[int, bytes]


async def read(arrival: Arrival) -> Excerpt:
    """The excerpt of a message that has come and is not prepared yet. Raises MailError."""
    at = len(arrival.head)
    most = at + MAX_BEGINNING
    waiting = deque(_places(arrival.part, most))
    beginning = bytearray()
    later: dict[int, bytearray] = {}
    async for piece in arrival.body():
        beginning += piece[: max(0, most - at)]
        end = at + len(piece)
        while waiting and waiting[0][0] < end:
            start, stop = waiting[0]
            later.setdefault(start, bytearray()).extend(piece[max(0, start - at) : stop - at])
            if stop > end:
                break
            waiting.popleft()
        at = end
        if at >= most and not waiting:
            break
    return Excerpt(bytes(beginning), {start: bytes(found) for start, found in later.items()})


def _places(root: Part, known: int) -> Iterator[tuple[int, int]]:
    """What is wanted behind the octets that are known, in order, as far as there is room."""
    left = MAX_LATER
    for part in walk(root):
        places = [(part.header_start, part.body_start)]
        if part.content_type[0] == "text" and not part.children:
            places.append((part.body_start, part.end))
        for start, end in places:
            stop = min(end, start + left)
            if known < end and start < stop:
                left -= stop - start
                yield start, stop
