"""What a check asks of the network, as values; the check itself is a generator.

A check yields a Lookup or a Fetch and is sent the answer, or the failure is thrown into it::

    records = yield from texts("_mta-sts.example.org")

So it knows no network, can be tested with a table of answers, and each of its questions can
be shown. Who drives it keeps deadlines, caches and the rules of safe fetching.

``Lookup``: the answer is a tuple of records, empty when the name or the type is not there;
TXT records are octets (the strings of a record joined), A, AAAA and PTR are text, an MX is
(preference, host), a TLSA is (usage, selector, matching type, data). ``Fetch``: the answer is
the body of a response 200 without any redirect.
"""

from collections.abc import Generator
from typing import Literal, TypeVar

import msgspec

RecordType = Literal["A", "AAAA", "MX", "PTR", "TLSA", "TXT"]
Record = bytes | str | tuple[int, str] | tuple[int, int, int, bytes]
ResultT = TypeVar("ResultT")


class Lookup(msgspec.Struct, frozen=True):
    """A question to DNS; ``name`` is in A-labels, without a final dot."""

    name: str
    type: RecordType


class Fetch(msgspec.Struct, frozen=True, kw_only=True):
    """A document to get by HTTPS with the server's certificate checked, no redirects.

    More than ``max_octets`` or another media type is a failure.
    """

    url: str
    max_octets: int
    media_type: str


class LookupFailed(Exception):
    """DNS gave no answer (SERVFAIL, timeout, nonsense): nothing is known, ask again later."""


class FetchFailed(Exception):
    """The document could not be got; ``is_certificate`` when the server's was not valid."""

    def __init__(self, reason: str, *, is_certificate: bool = False) -> None:
        """``reason`` is for the log and for reports."""
        super().__init__(reason)
        self.is_certificate = is_certificate


Question = Lookup | Fetch
Answer = tuple[Record, ...] | bytes
Check = Generator[Question, Answer, ResultT]


def texts(name: str) -> Generator[Question, Answer, tuple[bytes, ...]]:
    """Ask for the TXT records of a name; raises LookupFailed."""
    answer = yield Lookup(name, "TXT")
    return tuple(record for record in answer if isinstance(record, bytes))


def body(url: str, *, max_octets: int, media_type: str) -> Generator[Question, Answer, bytes]:
    """Ask for a document; raises FetchFailed, also when the driver lets too much through."""
    answer = yield Fetch(url=url, max_octets=max_octets, media_type=media_type)
    if not isinstance(answer, bytes) or len(answer) > max_octets:
        raise FetchFailed(f"the document at {url} is larger than {max_octets} octets")
    return answer
