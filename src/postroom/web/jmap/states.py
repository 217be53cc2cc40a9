r"""States: what a client has seen, packed into a text from which changes can be worked out.

The state of Emails and Threads names, of each mailbox that the person may read, the MODSEQ, the
next UID, whether it held anything, and the few messages marked \Deleted, which JMAP does not show.
So nothing is counted when a message comes, and ``changes`` knows of each message what it was then.
The state of Mailboxes holds what of each can change: a digest of its properties, and its counts.

A state in between (RFC 8620 §5.2, ``hasMoreChanges``) has been told up to one id; see ``changes``.

They are opaque to clients. What is none of ours, or from a database that was put back to an
earlier time, is "cannotCalculateChanges". RFC 8620 §1.6.3, §5.1, §5.2.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from postroom.web.jmap.box import Box, Counts
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.outline import Outline

MOST_HIDDEN: Final = 500  # messages marked \Deleted of a mailbox that a state names
MAX_STATE: Final = 1_000_000  # characters
DIGEST: Final = 8  # octets

_EMAILS: Final = b"e"
_MAILBOXES: Final = b"m"
_BETWEEN: Final = "~"


class Seen(NamedTuple):
    r"""A mailbox as a client has seen it; ``hidden`` are UIDs marked \Deleted, None: too many."""

    uidvalidity: int
    modseq: int
    uidnext: int
    is_empty: bool
    hidden: tuple[int, ...] | None

    def is_hidden(self, uid: int) -> bool | None:
        r"""Whether it was marked \Deleted; None: unknown."""
        if self.hidden is None:
            return None
        at = bisect_left(self.hidden, uid)
        return at < len(self.hidden) and self.hidden[at] == uid


class Folder(NamedTuple):
    """What of a Mailbox can change."""

    digest: bytes
    counts: Counts


Emails = dict[int, Seen]
Folders = dict[int, Folder]


class Between(NamedTuple):
    """Ids up to ``last`` are known as of ``known``, those above as of ``since``.

    ``is_late``: what has come and gone must be told as gone.
    """

    since: Emails
    known: Emails | None
    last: int
    is_late: bool


def unknown(why: str) -> MethodError:
    """The answer to a state from which nothing can be worked out."""
    return MethodError("cannotCalculateChanges", why)


def of_outline(outline: Outline) -> Emails:
    """What a client has seen that gets everything now."""
    return {ident: _seen(box) for ident, box in outline.boxes.items()}


def _seen(box: Box) -> Seen:
    hidden = box.hidden if len(box.hidden) <= MOST_HIDDEN else None
    head = box.head
    return Seen(head.uidvalidity, head.modseq, head.uidnext, not len(box), hidden)


def digest(values: Iterable[object]) -> bytes:
    """Of the properties of a Mailbox but its counts."""
    return blake2b(repr(tuple(values)).encode("utf-8", "replace"), digest_size=DIGEST).digest()


def pack_emails(emails: Emails) -> str:
    """The state of Emails and of Threads."""
    numbers: list[int] = []
    ident = validity = 0
    for mailbox_id, seen in sorted(emails.items()):
        numbers += [mailbox_id - ident, _folded(seen.uidvalidity - validity), seen.modseq]
        ident, validity = mailbox_id, seen.uidvalidity
        hidden = 2 if seen.hidden is None else int(bool(seen.hidden))
        numbers.append(seen.uidnext << 3 | hidden << 1 | seen.is_empty)
        if seen.hidden:
            numbers.append(len(seen.hidden))
            numbers += _steps(seen.hidden)
    return _written(_EMAILS, numbers)


def read_emails(state: str) -> Emails:
    """What ``pack_emails`` has written; raises ``cannotCalculateChanges``."""
    numbers = _Numbers(state, _EMAILS)
    found: Emails = {}
    ident = validity = 0
    while numbers.is_more:
        ident += numbers.next()
        validity += _unfolded(numbers.next())
        modseq, bits = numbers.next(), numbers.next()
        hidden: tuple[int, ...] | None = None if bits & 4 else ()
        if bits & 2:
            hidden = numbers.ascending()
        found[ident] = Seen(validity, modseq, bits >> 3, bool(bits & 1), hidden)
    return found


def pack_between(between: Between) -> str:
    """A state in between."""
    known = "" if between.known is None else pack_emails(between.known)
    late = "l" if between.is_late else ""
    return _BETWEEN.join([pack_emails(between.since), known, f"{between.last:x}", late])


def read_since(state: str) -> Between:
    """Any state of Emails or Threads; raises ``cannotCalculateChanges``."""
    if len(state) > MAX_STATE:
        raise unknown("there is no such state")
    if _BETWEEN not in state:
        return Between(read_emails(state), None, 0, is_late=False)
    try:
        since, known, last, late = state.split(_BETWEEN)
        number = int(last, 16)
    except ValueError:
        raise unknown("there is no such state") from None
    return Between(
        read_emails(since), read_emails(known) if known else None, number, is_late=late == "l"
    )


def pack_folders(folders: Folders) -> str:
    """The state of Mailboxes."""
    numbers: list[int] = []
    ident = 0
    for mailbox_id, folder in sorted(folders.items()):
        numbers += [mailbox_id - ident, int.from_bytes(folder.digest, "big"), *folder.counts]
        ident = mailbox_id
    return _written(_MAILBOXES, numbers)


def read_folders(state: str) -> Folders:
    """What ``pack_folders`` has written; raises ``cannotCalculateChanges``."""
    numbers = _Numbers(state, _MAILBOXES)
    found: Folders = {}
    ident = 0
    while numbers.is_more:
        ident += numbers.next()
        written = numbers.next()
        if written >> 8 * DIGEST:
            raise unknown("there is no such state")
        counts = Counts(numbers.next(), numbers.next(), numbers.next(), numbers.next())
        found[ident] = Folder(written.to_bytes(DIGEST, "big"), counts)
    return found


def _written(kind: bytes, numbers: Iterable[int]) -> str:
    octets = bytearray(kind)
    for number in numbers:
        while number > 0x7F:
            octets.append(number & 0x7F | 0x80)
            number >>= 7  # noqa: PLW2901
        octets.append(number)
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


class _Numbers:
    """The numbers of a state, one after the other."""

    def __init__(self, state: str, kind: bytes) -> None:
        try:
            octets = urlsafe_b64decode(state.encode("ascii") + b"=" * (-len(state) % 4))
        except ValueError:
            octets = b""
        if len(state) > MAX_STATE or not octets.startswith(kind) or octets[-1] >= 0x80:
            raise unknown("there is no such state")
        self._octets = octets
        self._at = len(kind)

    @property
    def is_more(self) -> bool:
        return self._at < len(self._octets)

    def next(self) -> int:
        number = shift = 0
        while self.is_more and shift <= 63 + 7:
            octet = self._octets[self._at]
            self._at += 1
            number |= (octet & 0x7F) << shift
            if octet < 0x80:
                return number
            shift += 7
        raise unknown("there is no such state")

    def ascending(self) -> tuple[int, ...]:
        """Numbers that were written as the steps between them."""
        found: list[int] = []
        for _ in range(min(self.next(), MOST_HIDDEN)):
            found.append((found[-1] if found else 0) + self.next())
        return tuple(found)


def _steps(numbers: Sequence[int]) -> list[int]:
    return [number - before for number, before in zip(numbers, (0, *numbers), strict=False)]


def _folded(number: int) -> int:
    """Small numbers of either sign as small ones."""
    return number * 2 if number >= 0 else -number * 2 - 1


def _unfolded(number: int) -> int:
    return number // 2 if number % 2 == 0 else -(number + 1) // 2
