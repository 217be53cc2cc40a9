"""ESEARCH: what a client asks of a result with RETURN, and the response that tells it.

RFC 4731 (MIN, MAX, ALL, COUNT), RFC 5182 §2.4 (SAVE), RFC 9394 (PARTIAL), RFC 5267 (UPDATE,
ADDTO, REMOVEFROM), RFC 4466 §2.6.2 (the response).
"""

from collections.abc import Sequence

import msgspec

from postroom.protocol.imap.fetch import FetchItem
from postroom.protocol.imap.sets import write_set


class Partial(msgspec.Struct, frozen=True):
    """Places in a result as the client wrote them: from 1, or -1 for the last one."""

    first: int
    last: int

    def bounds(self, count: int) -> tuple[int, int]:
        """Start and end of the places in a result of that length, from 0; empty outside it."""
        low, high = sorted((self.first, self.last))
        if low < 0:
            low, high = count + low + 1, count + high + 1
        start = min(max(low, 1), count + 1)
        return start - 1, max(start - 1, min(high, count))


class Returns(msgspec.Struct, frozen=True):
    """The options of RETURN.

    With ``update`` the result is kept up to date; ``items`` are then fetched of each new
    message that comes into it (RFC 5465 §7).
    """

    minimum: bool = False
    maximum: bool = False
    everything: bool = False
    count: bool = False
    save: bool = False
    partial: Partial | None = None
    update: bool = False
    items: tuple[FetchItem, ...] = ()

    @property
    def is_silent(self) -> bool:
        """SAVE alone: nothing is told but the tagged OK (RFC 5182 §1)."""
        return self.save and self == Returns(save=True)

    def chosen(self, results: Sequence[int]) -> Sequence[int]:
        """The results that ``$`` will hold and that MODSEQ is about, in their order.

        RFC 5182 §2.4, RFC 9394 §3.2, RFC 4731 §3.2: all that were found; or a part, the lowest
        and the highest when only these are asked for.
        """
        some = self.minimum or self.maximum or self.partial is not None
        if self.count or self.everything or not some or not results:
            return results
        start, end = self.partial.bounds(len(results)) if self.partial else (0, 0)
        chosen = list(results[start:end])
        if self.minimum and chosen[:1] != [results[0]]:
            chosen.insert(0, results[0])
        if self.maximum and chosen[-1:] != [results[-1]]:
            chosen.append(results[-1])
        return chosen


def esearch_line(
    tag: bytes, returns: Returns, results: Sequence[int], *, by_uid: bool, modseq: int = 0
) -> bytes:
    """``* ESEARCH (TAG "a1") UID MIN 7 ALL 7,9:11 COUNT 4``; ``modseq`` 0 is not told.

    ``results`` are in the order of the result, which MIN and MAX are the ends of.
    """
    words = [b'* ESEARCH (TAG "%s")' % tag]
    if by_uid:
        words.append(b"UID")
    if results:
        if returns.minimum:
            words.append(b"MIN %d" % results[0])
        if returns.maximum:
            words.append(b"MAX %d" % results[-1])
        if returns.everything:
            words.append(b"ALL " + write_set(results))
    if returns.partial is not None:
        words.append(_partial(returns.partial, results))
    if returns.count:
        words.append(b"COUNT %d" % len(results))
    if results and modseq:
        words.append(b"MODSEQ %d" % modseq)
    return b" ".join(words) + b"\r\n"


def update_line(
    tag: bytes,
    removed: Sequence[tuple[int, Sequence[int]]],
    added: Sequence[tuple[int, Sequence[int]]],
    *,
    by_uid: bool,
) -> bytes:
    """``* ESEARCH (TAG "a1") UID REMOVEFROM (0 32768) ADDTO (2 32770:32771)``.

    Each change is a place in the result and numbers in its order (RFC 5267 §4.3.2).
    """
    words = [b'* ESEARCH (TAG "%s")' % tag]
    if by_uid:
        words.append(b"UID")
    for name, changes in ((b"REMOVEFROM", removed), (b"ADDTO", added)):
        if changes:
            pairs = [b"%d %s" % (place, write_set(numbers)) for place, numbers in changes]
            words.append(b"%s (%s)" % (name, b" ".join(pairs)))
    return b" ".join(words) + b"\r\n"


def _partial(partial: Partial, results: Sequence[int]) -> bytes:
    start, end = partial.bounds(len(results))
    found = write_set(results[start:end]) if start < end else b"NIL"
    return b"PARTIAL (%d:%d %s)" % (partial.first, partial.last, found)
