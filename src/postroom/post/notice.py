"""Letters of our own on their way: from composed octets to a ``Letter`` for an address.

A notice goes where the directory says that letters for its address go: into mailboxes here,
whatever their quota (a full one is what some notices are about), and to addresses elsewhere
by the queue, ahead of other letters. Its reverse-path is null, so that nobody answers a
notice with a notice (RFC 5321 §6.1). Nobody asks whether its recipient wants it: that, and
how many there may be (``Budget``), is for whoever sends it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from postroom.address import Address, Domain
from postroom.blobs.store import BlobStore
from postroom.db.ids import Ids
from postroom.directory.directory import Directory
from postroom.directory.expand import Local
from postroom.ledger.rows import Entry, clean, folded, normal_id
from postroom.message import headers, trace
from postroom.message.index import Indexed, index
from postroom.message.scan import scan
from postroom.post.letter import Letter
from postroom.queue.rows import FIRST, NORMAL, OURS, Outgoing, Queued
from postroom.store import mailboxes
from postroom.store.filing import Copy

DOOR: Final = "system"
"""The door of such letters in the ledger."""

HOUR_MS: Final = 3600 * 1000
MAX_COUNTED: Final = 10_000  # addresses that a budget remembers


class Tools(Protocol):
    """What it takes to make a letter; ``clock`` is UTC milliseconds."""

    @property
    def blobs(self) -> BlobStore:
        """For its octets."""

    @property
    def ids(self) -> Ids:
        """For its rows."""

    @property
    def clock(self) -> Callable[[], int]:
        """For its time."""


async def addressed(
    tools: Tools,
    directory: Directory,
    to: Address,
    octets: bytes,
    *,
    sender: str = "",
    requiretls: bool = False,
) -> Letter | None:
    """The letter with these octets for ``to``; None when nobody would get it.

    ``sender`` is the envelope's, "" for none. Raises MailError.
    """
    found = await directory.resolve(to)
    local, remote = found.local, found.remote
    if found.kind in {"not-ours", "backup"}:
        remote = (str(to),)
    if not local and not remote:
        return None
    return written(tools, octets, local=local, remote=remote, sender=sender, requiretls=requiretls)


def written(
    tools: Tools,
    octets: bytes,
    *,
    local: Sequence[Local] = (),
    remote: Sequence[str] = (),
    sender: str = "",
    requiretls: bool = False,
) -> Letter:
    """The letter with these octets for these accounts and addresses elsewhere."""
    head, body = headers.split(octets)
    blob = tools.blobs.writer().write_small(head, body)
    indexed = index(head, scan(octets))
    ident, now = tools.ids.next(), tools.clock()
    queued = Queued(
        id=ident,
        blob_id=blob.id,
        sender=sender.encode(),
        size=len(octets),
        accepted=now,
        smtputf8=not (head.isascii() and all(map(str.isascii, remote)) and sender.isascii()),
        eightbit=not octets.isascii(),
        requiretls=requiretls,
        origin=OURS,
        priority=NORMAL if sender else FIRST,
    )
    return Letter(
        blob=blob,
        copies=tuple([_copy(tools, one, sender, blob.id, len(octets), indexed) for one in local]),
        queued=queued if remote else None,
        outgoing=tuple(
            [
                Outgoing(ident, number, one.encode(), Address.parse(one).domain.ascii)
                for number, one in enumerate(remote)
            ]
        ),
        entry=entry(ident, now, sender, indexed, len(octets)),
    )


def entry(
    ident: int, at: int, sender: str, indexed: Indexed, size: int, account_id: int | None = None
) -> Entry:
    """What the ledger says of a letter that came through no door."""
    return Entry(
        ident,
        at,
        DOOR,
        peer="",
        helo="",
        sender=folded(sender),
        message_id=normal_id(indexed.message_id),
        subject=clean(indexed.subject),
        size=size,
        account_id=account_id,
    )


def postmaster_of(address: str, hostname: str) -> str:
    """Whom a notice to this account comes from: the postmaster of its domain."""
    domain = address.rpartition("@")[2] or hostname
    return str(Address("postmaster", Domain(domain)))


class Budget:
    """How many notices an address may get in an hour; kept in memory."""

    def __init__(self, clock: Callable[[], int], per_hour: int) -> None:
        """``clock`` is UTC milliseconds."""
        self._clock = clock
        self._per_hour = per_hour
        self._hour = -1
        self._counts: Counter[str] = Counter()

    def allows(self, address: str) -> bool:
        """Count one more; False when it is one too many."""
        hour = self._clock() // HOUR_MS
        if hour != self._hour:
            self._hour = hour
            self._counts.clear()
        elif len(self._counts) >= MAX_COUNTED:
            self._make_room()
        key = address.casefold()
        if self._counts[key] >= self._per_hour:
            return False
        self._counts[key] += 1
        return True

    def _make_room(self) -> None:
        """Remember those that get no more; all of them only when there are as many of these."""
        spent = {key: count for key, count in self._counts.items() if count >= self._per_hour}
        self._counts = Counter(spent if len(spent) < MAX_COUNTED else {})


def _copy(tools: Tools, one: Local, sender: str, blob_id: int, size: int, indexed: Indexed) -> Copy:
    prefix = trace.return_path(sender) + trace.delivered_to(one.address)
    ident = tools.ids.next()
    return Copy(
        account_id=one.account_id,
        mailbox=mailboxes.INBOX,
        message_id=ident,
        blob_id=blob_id,
        prefix=prefix,
        received=tools.clock(),
        size=len(prefix) + size,
        envelope=indexed.envelope,
        bodystructure=indexed.bodystructure,
        thread_id=indexed.thread_id(ident),
        recipient=one.address,
    )
