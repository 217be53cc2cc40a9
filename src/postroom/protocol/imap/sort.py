"""The keys of SORT and the algorithms of THREAD (RFC 5256 §3, RFC 5957)."""

import enum

import msgspec


class SortKey(enum.Enum):
    """What is compared; the value is the key's name in the protocol."""

    ARRIVAL = b"ARRIVAL"
    CC = b"CC"
    DATE = b"DATE"
    DISPLAYFROM = b"DISPLAYFROM"
    DISPLAYTO = b"DISPLAYTO"
    FROM = b"FROM"
    SIZE = b"SIZE"
    SUBJECT = b"SUBJECT"
    TO = b"TO"


class Criterion(msgspec.Struct, frozen=True):
    """A key, ascending or in REVERSE."""

    key: SortKey
    is_reverse: bool = False


class Algorithm(enum.Enum):
    """How messages are threaded; the value is the algorithm's name."""

    ORDEREDSUBJECT = b"ORDEREDSUBJECT"
    REFERENCES = b"REFERENCES"
    REFS = b"REFS"
