"""ESEARCH: what a client asks of a result with RETURN, and the response that tells it.

RFC 4731 (MIN, MAX, ALL, COUNT), RFC 5182 §2.4 (SAVE), RFC 4466 §2.6.2 (the response).
"""

from collections.abc import Sequence

import msgspec

from postroom.protocol.imap.sets import write_set


class Returns(msgspec.Struct, frozen=True):
    """The options of RETURN."""

    minimum: bool = False
    maximum: bool = False
    everything: bool = False
    count: bool = False
    save: bool = False

    @property
    def is_silent(self) -> bool:
        """SAVE alone: nothing is told but the tagged OK (RFC 5182 §1)."""
        return self.save and self == Returns(save=True)

    def chosen(self, results: Sequence[int]) -> Sequence[int]:
        """The results that ``$`` will hold and that MODSEQ is about, in their order.

        RFC 5182 §2.4, RFC 4731 §3.2: all that were found, or the lowest and the highest
        when only these are asked for.
        """
        some = self.minimum or self.maximum
        if self.count or self.everything or not some or not results:
            return results
        places = {0} if self.minimum else set[int]()
        if self.maximum:
            places.add(len(results) - 1)
        return [results[place] for place in sorted(places)]


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
    if returns.count:
        words.append(b"COUNT %d" % len(results))
    if results and modseq:
        words.append(b"MODSEQ %d" % modseq)
    return b" ".join(words) + b"\r\n"
