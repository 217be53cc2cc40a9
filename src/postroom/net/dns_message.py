"""Queries in wire format, and what else may come of one than an answer.

Building is a matter of a few fields; replies are read by ``dns_reply``. The letters of the name
are in a random mixture of cases, which a forger must guess too. RFC 1035 §4, RFC 6891 (EDNS),
RFC 4035 §3.2 (DO, AD). Who is asked and how often: ``dns.py``.
"""

import enum
import struct
from typing import Final

import msgspec

from postroom.net.dns_records import NUMBERS, Kind

HEADER: Final = struct.Struct(">HHHHHH")
IN: Final = 1
OPT: Final = 41

_MAX_UDP: Final = 1232  # octets of a reply that arrive unfragmented nearly everywhere
_RD: Final = 0x0100
_AD: Final = 0x0020
_OPT_RECORD: Final = b"\0" + struct.pack(">HHIH", OPT, _MAX_UDP, 0x8000, 0)  # DO


class Again(enum.Enum):
    """Why the same must be asked once more."""

    IGNORED = enum.auto()  # not a reply to this query: wait for the true one
    OVER_TCP = enum.auto()
    WITHOUT_EDNS = enum.auto()


class Failure(msgspec.Struct, frozen=True):
    """The server can't or won't tell."""

    reason: str


class Query:
    """A question to send. ``ident`` and ``cases`` are random: 16 bits, and a bit an octet."""

    __slots__ = ("has_edns", "ident", "kind", "name", "octets", "question")

    def __init__(
        self, name: bytes, kind: Kind, *, ident: int, cases: int = 0, has_edns: bool = True
    ) -> None:
        """``name`` is in wire format; the empty name is ``bytes(1)``."""
        self.name = name
        self.kind: Kind = kind
        self.ident = ident
        self.has_edns = has_edns
        self.question = _mixed(name, cases) + struct.pack(">HH", NUMBERS[kind], IN)
        header = HEADER.pack(ident, _RD | _AD, 1, 0, 0, int(has_edns))
        self.octets = header + self.question + (_OPT_RECORD if has_edns else b"")


def _mixed(name: bytes, cases: int) -> bytes:
    """Letters in the case that ``cases`` tells (a length is below 64 and no letter)."""
    if not cases:
        return name
    return bytes(
        octet ^ 0x20 if cases >> at & 1 and 97 <= octet | 0x20 <= 122 else octet
        for at, octet in enumerate(name)
    )
