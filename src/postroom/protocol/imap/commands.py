"""Commands as values, grouped by the states in which they are legal (RFC 3501 §6).

A command holds no tag: the session knows it. Mailbox names are decoded text, strings
stay octets where their charset is not ours to know (login, password).
"""

from typing import Literal

import msgspec

from postroom.protocol.imap.esearch import Partial, Returns
from postroom.protocol.imap.fetch import FetchItem
from postroom.protocol.imap.metadata import Depth
from postroom.protocol.imap.notify import EventGroup
from postroom.protocol.imap.search import Criteria
from postroom.protocol.imap.sets import Ranges
from postroom.protocol.imap.sort import Algorithm, Criterion

Action = Literal["add", "remove", "replace"]


class Command(msgspec.Struct, frozen=True):
    """Any command."""


class Always(Command, frozen=True):
    """Legal in any state, RFC 3501 §6.1."""


class WhenUnauthenticated(Command, frozen=True):
    """Legal before login, RFC 3501 §6.2."""


class WhenAuthenticated(Command, frozen=True):
    """Legal after login, RFC 3501 §6.3."""


class WhenSelected(Command, frozen=True):
    """Legal with a selected mailbox, RFC 3501 §6.4."""


class Capability(Always, frozen=True):
    """RFC 3501 §6.1.1."""


class Noop(Always, frozen=True):
    """RFC 3501 §6.1.2."""


class Logout(Always, frozen=True):
    """RFC 3501 §6.1.3."""


class Id(Always, frozen=True):
    """RFC 2971: what the client says about itself."""

    fields: tuple[tuple[bytes, bytes | None], ...] = ()


class Language(Always, frozen=True):
    """RFC 5255 §3.2: the ranges in the client's order; without any, which there are."""

    ranges: tuple[str, ...] = ()


class StartTls(WhenUnauthenticated, frozen=True):
    """RFC 3501 §6.2.1."""


class Authenticate(WhenUnauthenticated, frozen=True):
    """RFC 3501 §6.2.2; ``initial`` is the decoded initial response (RFC 4959)."""

    mechanism: str
    initial: bytes | None = None


class Login(WhenUnauthenticated, frozen=True):
    """RFC 3501 §6.2.3."""

    login: bytes
    password: bytes


class Resync(msgspec.Struct, frozen=True):
    """What a client remembers of a mailbox (RFC 7162 §3.2.5).

    ``known`` are the UIDs it has (None: all); ``numbers`` and ``uids`` pair sequence
    numbers with UIDs by their places in both sets.
    """

    uidvalidity: int
    modseq: int
    known: Ranges | None = None
    numbers: Ranges = ()
    uids: Ranges = ()


class Select(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.1, with the parameters of RFC 7162 §3.1.8 and §3.2.5."""

    mailbox: str
    condstore: bool = False
    resync: Resync | None = None


class Examine(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.2, with the same parameters."""

    mailbox: str
    condstore: bool = False
    resync: Resync | None = None


class Create(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.3; ``special_uses`` are RFC 6154 §3."""

    mailbox: str
    special_uses: tuple[str, ...] = ()


class Delete(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.4."""

    mailbox: str


class Rename(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.5."""

    mailbox: str
    new_name: str


class Subscribe(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.6."""

    mailbox: str


class Unsubscribe(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.7."""

    mailbox: str


class List(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.8, with the options of RFC 6154 §2 and RFC 5258 §3 in upper case.

    ``status`` are the items of RFC 5819, ``entries`` those of RFC 9590. ``is_extended``: in
    the grammar of RFC 5258.
    """

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[bytes] = frozenset()
    wanted: frozenset[bytes] = frozenset()
    status: tuple[bytes, ...] = ()
    is_extended: bool = False
    entries: tuple[str, ...] = ()


class Lsub(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.9."""

    reference: str
    pattern: str


class Status(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.10; the items in upper case, in the client's order."""

    mailbox: str
    items: tuple[bytes, ...]


class Append(WhenAuthenticated, frozen=True):
    """RFC 3501 §6.3.11, RFC 3502; the messages follow as events."""

    mailbox: str


class SetAcl(WhenAuthenticated, frozen=True):
    """RFC 4314 §3.1; ``rights`` are small letters and digits, of whatever meaning."""

    mailbox: str
    identifier: str
    action: Action
    rights: str


class DeleteAcl(WhenAuthenticated, frozen=True):
    """RFC 4314 §3.2."""

    mailbox: str
    identifier: str


class GetAcl(WhenAuthenticated, frozen=True):
    """RFC 4314 §3.3."""

    mailbox: str


class ListRights(WhenAuthenticated, frozen=True):
    """RFC 4314 §3.4."""

    mailbox: str
    identifier: str


class MyRights(WhenAuthenticated, frozen=True):
    """RFC 4314 §3.5."""

    mailbox: str


class GetQuota(WhenAuthenticated, frozen=True):
    """RFC 9208 §4.1.1."""

    root: str


class GetQuotaRoot(WhenAuthenticated, frozen=True):
    """RFC 9208 §4.1.2."""

    mailbox: str


class SetQuota(WhenAuthenticated, frozen=True):
    """RFC 9208 §4.1.3; the resources in upper case, each once."""

    root: str
    limits: tuple[tuple[bytes, int], ...] = ()


class GetMetadata(WhenAuthenticated, frozen=True):
    """RFC 5464 §4.2; ``mailbox`` "" is the server. ``max_size`` in octets."""

    mailbox: str
    entries: tuple[str, ...]
    max_size: int | None = None
    depth: Depth = "0"


class SetMetadata(WhenAuthenticated, frozen=True):
    """RFC 5464 §4.3; the value None removes an entry."""

    mailbox: str
    values: tuple[tuple[str, bytes | None], ...]


class GenUrlAuth(WhenAuthenticated, frozen=True):
    """RFC 4467 §8: URLs, and the mechanisms that are to authorize them, in upper case."""

    wanted: tuple[tuple[bytes, bytes], ...]


class ResetKey(WhenAuthenticated, frozen=True):
    """RFC 4467 §8; without ``mailbox`` of all of them."""

    mailbox: str | None = None


class UrlFetch(WhenAuthenticated, frozen=True):
    """RFC 4467 §8; each URL with what is wanted of it (RFC 5524 §3), which may be nothing."""

    wanted: tuple[tuple[bytes, tuple[bytes, ...]], ...]


class Namespace(WhenAuthenticated, frozen=True):
    """RFC 2342."""


class Enable(WhenAuthenticated, frozen=True):
    """RFC 5161; the capabilities in upper case."""

    capabilities: tuple[bytes, ...]


class Compress(WhenAuthenticated, frozen=True):
    """RFC 4978; the mechanism in upper case."""

    mechanism: bytes


class Unauthenticate(WhenAuthenticated, frozen=True):
    """RFC 8437."""


class Notify(WhenAuthenticated, frozen=True):
    """RFC 5465; no groups: NONE."""

    groups: tuple[EventGroup, ...] = ()
    with_status: bool = False


class Idle(WhenAuthenticated, frozen=True):
    """RFC 2177."""


class Check(WhenSelected, frozen=True):
    """RFC 3501 §6.4.1."""


class Close(WhenSelected, frozen=True):
    """RFC 3501 §6.4.2."""


class Unselect(WhenSelected, frozen=True):
    """RFC 3691."""


class Expunge(WhenSelected, frozen=True):
    """RFC 3501 §6.4.3; with ``ranges`` UID EXPUNGE, RFC 4315 §2.1."""

    ranges: Ranges | None = None


class Search(WhenSelected, frozen=True):
    """RFC 3501 §6.4.4; with ``returns`` it is answered by ESEARCH, RFC 4731."""

    criteria: Criteria
    by_uid: bool
    returns: Returns | None = None


class CancelUpdate(WhenSelected, frozen=True):
    """RFC 5267 §4.3.5: the tags of the searches whose updates end."""

    tags: tuple[bytes, ...]


class Sort(WhenSelected, frozen=True):
    """RFC 5256 §3; with ``returns`` it is answered by ESEARCH, RFC 5267 §3."""

    program: tuple[Criterion, ...]
    criteria: Criteria
    by_uid: bool
    returns: Returns | None = None


class Thread(WhenSelected, frozen=True):
    """RFC 5256 §3."""

    algorithm: Algorithm
    criteria: Criteria
    by_uid: bool


class Fetch(WhenSelected, frozen=True):
    """RFC 3501 §6.4.5, with the modifiers of RFC 7162 §3.1.4.1, §3.2.6 and RFC 9394."""

    ranges: Ranges
    items: tuple[FetchItem, ...]
    by_uid: bool
    changed_since: int | None = None
    vanished: bool = False
    partial: Partial | None = None


class Store(WhenSelected, frozen=True):
    """RFC 3501 §6.4.6, with the modifier of RFC 7162 §3.1.3."""

    ranges: Ranges
    action: Action
    flags: int
    keywords: frozenset[str]
    is_silent: bool
    by_uid: bool
    unchanged_since: int | None = None


class Replace(WhenSelected, frozen=True):
    """RFC 8508; ``number`` is that of a message, or ``STAR``; the new message follows as events."""

    number: int
    by_uid: bool
    mailbox: str


class Copy(WhenSelected, frozen=True):
    """RFC 3501 §6.4.7."""

    ranges: Ranges
    mailbox: str
    by_uid: bool


class Move(WhenSelected, frozen=True):
    """RFC 6851."""

    ranges: Ranges
    mailbox: str
    by_uid: bool
