"""A letter as a script sees it, and the surroundings it runs in."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from postroom.message.part import Part
from postroom.sieve.limits import Limits

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NO_PIECES: Final[Mapping[int, bytes]] = MappingProxyType({})


def utc(_ms: int) -> int:
    """The offset of UTC."""
    return 0


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What the tests look at.

    ``head`` is the header block with its empty line, ``part`` the MIME tree over the whole
    letter (offsets count from the first octet of ``head``). ``body`` is the body, or, of a
    large letter, its first octets: then ``is_whole`` is False, tests that look into the body see
    these only, and pieces behind them that are in ``later`` by their offsets; the outcome says
    ``is_partial``. ``size`` is that of the whole letter.

    ``sender`` is the reverse-path, "" for the null one; ``recipient`` the address the letter
    was accepted for, before aliases; ``auth`` who submitted it (RFC 4954), if anybody did.

    ``spam`` is how likely it is spam in percent, ``virus`` 1 (none) to 5 (surely one) as in
    RFC 5235 §3; None where nobody looked.
    """

    head: bytes
    part: Part
    body: bytes
    size: int
    is_whole: bool = True
    later: Mapping[int, bytes] = _NO_PIECES
    sender: str = ""
    recipient: str = ""
    auth: str = ""
    spam: int | None = None
    virus: int | None = None

    def octets(self, start: int, end: int) -> bytes:
        """The octets between two offsets of the tree, as far as they are known."""
        piece = self.later.get(start)
        if piece is not None:
            return piece[: end - start]
        before = len(self.head)
        if end <= before:
            return self.head[start:end]
        if start >= before:
            return self.body[start - before : end - before]
        return self.head[start:] + self.body[: end - before]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """Where and when a script runs.

    ``now`` in UTC milliseconds; ``offset_at`` tells of such a time how many minutes east the
    local zone is then. ``items`` are
    those of RFC 5183 §4.1 by name ("domain", "host", "location", "name", "phase",
    "remote-host", "remote-ip", "version"); those not there are unknown. ``separators`` part
    user and detail of an address (RFC 5233).
    """

    now: int
    offset_at: Callable[[int], int] = utc
    items: Mapping[str, str] = _NOTHING
    separators: str = "+"
    limits: Limits = Limits()
