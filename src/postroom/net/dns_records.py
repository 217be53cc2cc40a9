"""What the DNS tells: records, answers, failures.

An answer has records; or none (the name has no such records); or says that the name does
not exist. All three are facts. A ``LookupFailed`` is no fact: nobody could tell, so a caller
tries again later (4yz) and never bounces for it (threat A7).

RFC 1035, RFC 2308, RFC 3596 (AAAA), RFC 2782 (SRV), RFC 6698 (TLSA), RFC 7505 (null MX),
RFC 8659 (CAA, told as the text of a zone file).
"""

from typing import Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec

from postroom.errors import Temporary

Kind: TypeAlias = Literal["A", "AAAA", "MX", "TXT", "TLSA", "PTR", "CNAME", "NS", "SRV", "CAA"]

NUMBERS: Final[dict[Kind, int]] = {
    "A": 1,
    "NS": 2,
    "CNAME": 5,
    "PTR": 12,
    "MX": 15,
    "TXT": 16,
    "AAAA": 28,
    "SRV": 33,
    "TLSA": 52,
    "CAA": 257,
}
MAX_NAME: Final = 253  # octets as text; 255 on the wire, RFC 1035 §2.3.4
MAX_LABEL: Final = 63


class Mx(NamedTuple):
    """RFC 1035 §3.3.9. ``host`` is "" for the null MX (RFC 7505)."""

    preference: int
    host: str


class Tlsa(NamedTuple):
    """RFC 6698 §2.1."""

    usage: int
    selector: int
    matching: int
    data: bytes


class Srv(NamedTuple):
    """RFC 2782. ``target`` is "" when the service is not offered."""

    priority: int
    weight: int
    port: int
    target: str


Record: TypeAlias = str | bytes | Mx | Tlsa | Srv
R_co = TypeVar("R_co", covariant=True)


class Answer(msgspec.Struct, Generic[R_co], frozen=True):
    """What was found. Names are lower-case without a final dot.

    ``is_authenticated`` is the AD flag of a validating resolver on this machine, also for
    what does not exist. ``ttl`` is in seconds from now. ``canonical`` is the name at the end
    of the aliases. ``exists`` is False for NXDOMAIN.
    """

    records: tuple[R_co, ...]
    is_authenticated: bool
    ttl: int
    canonical: str
    exists: bool = True


class LookupFailed(Temporary):
    """Nobody could tell; trying again later may help (RFC 3463 X.4.3). ``reason`` says why."""

    code = 451
    status = "4.4.3"
    text = "A name could not be looked up, please try again later"

    def __init__(self, name: str, kind: str, reason: str) -> None:
        """``name`` and ``kind`` are what was asked for."""
        self.name, self.kind, self.reason = name, kind, reason
        super().__init__(detail=f"{kind} of {name!r}: {reason}")


class InvalidName(ValueError):
    """No such name can be in the DNS, so it is never asked for; the message says why."""


def wire_name(name: str) -> bytes:
    """The octets of a name (RFC 1035 §3.1); raises InvalidName.

    Nothing is escaped: a backslash is an octet like any other.
    """
    if not name.isascii():
        raise InvalidName(f"{name!r} is not ASCII; ask for its A-label form")
    if not name.isprintable() or " " in name:
        raise InvalidName(f"{name!r} has spaces or control characters")
    if len(name) > MAX_NAME:
        raise InvalidName(f"the name {name[:40]!r}... is longer than {MAX_NAME} octets")
    out = bytearray()
    for label in name.encode().split(b"."):
        if not 0 < len(label) <= MAX_LABEL:
            raise InvalidName(f"{name!r} has an empty label or one longer than {MAX_LABEL} octets")
        out.append(len(label))
        out += label
    out.append(0)
    return bytes(out)
