"""A letter as it is handed to ``commit``: rows that are ready, ids and all.

Everything in it is made before the write, so a write that runs twice writes the same. The
facts "filed" and "queued" follow from ``copies`` and ``outgoing``; ``facts`` are others.
"""

import msgspec

from postroom.blobs.prepared import Prepared
from postroom.ledger.rows import Entry, Fact, folded
from postroom.queue.rows import Outgoing, Queued
from postroom.queue.submissions import Submission
from postroom.store.filing import Copy, Filed
from postroom.store.rejects import Reject
from postroom.store.removal import Removal

_ROW_OCTETS = 400  # what the other rows of a letter weigh, roughly


class Letter(msgspec.Struct, frozen=True):
    """A message: its octets, where copies go, who else gets it, what the ledger tells.

    ``queued`` is there when ``outgoing`` is. Without ``entry`` the ledger tells nothing:
    a message that a person put into a mailbox. Such a letter may be several messages:
    ``more`` are other blobs than the first, each named by one message. ``replaced`` is
    a message that goes when this one comes (RFC 8508). ``content`` is
    the header block and the body of the blob when they are small and in memory yet:
    delivery can begin at once. ``rejects`` are the accounts that refused it and keep it to be
    looked at; without anything else nobody has taken the letter. ``masks`` are the ids of
    masked addresses that it came for. ``also`` are letters of the queue only that come of this one,
    with blobs of their own that some of them may share; they are committed when it is.
    ``submitted`` is the row of a letter that was sent by JMAP. ``named`` is the id of a blob that
    is there already, which copies and queue name instead of a new one; ``blob`` is then empty.
    """

    blob: Prepared
    copies: tuple[Copy, ...] = ()
    queued: Queued | None = None
    outgoing: tuple[Outgoing, ...] = ()
    entry: Entry | None = None
    facts: tuple[Fact, ...] = ()
    content: tuple[bytes, bytes] | None = None
    more: tuple[Prepared, ...] = ()
    replaced: Removal | None = None
    rejects: tuple[Reject, ...] = ()
    masks: tuple[int, ...] = ()
    also: "tuple[Letter, ...]" = ()
    submitted: Submission | None = None
    named: int = 0

    @property
    def blobs(self) -> tuple[Prepared, ...]:
        """Every blob that comes with it, each once."""
        if not self.also:
            return (self.blob, *self.more)
        every = (self.blob, *self.more, *[one.blob for one in self.also])
        return tuple({one.id: one for one in every}.values())

    @property
    def weight(self) -> int:
        """Octets that the letter adds to a transaction."""
        octets = 0
        for blob in self.blobs:
            octets += len(blob.head) + _ROW_OCTETS
            if blob.body is not None:
                octets += len(blob.body)
        rows = len(self.copies) + len(self.outgoing) + len(self.rejects)
        rows += sum([len(one.outgoing) for one in self.also])
        return octets + _ROW_OCTETS * rows

    @property
    def references(self) -> int:
        """How many rows will name the first blob: messages, the queue, those kept of refused."""
        return 0 if self.named else self.rows

    @property
    def rows(self) -> int:
        """How many will name a blob, the new one or that which is there."""
        copies = self.copies
        if len(copies) == 1:
            messages = 1
        else:
            messages = len({(copy.account_id, copy.message_id) for copy in copies})
        messages -= len(self.more)
        return messages + (self.queued is not None) + len(self.rejects)

    def told(self, filed: list[Filed]) -> list[Fact]:
        """The facts of its acceptance, numbered; ``filed`` answers ``copies``."""
        entry = self.entry
        if entry is None:
            return []
        facts: list[Fact] = []
        for copy, place in zip(self.copies, filed, strict=True):
            facts.append(
                Fact(
                    entry.id, len(facts) + 1, entry.at, "filed", folded(copy.recipient),
                    copy.account_id, place.mailbox_id, place.uid,
                )
            )  # fmt: skip
        for one in self.outgoing:
            recipient = folded(one.recipient.decode("utf-8", "replace"))
            facts.append(
                Fact(
                    entry.id, len(facts) + 1, entry.at, "queued", recipient,
                    detail=one.destination,
                )
            )  # fmt: skip
        for fact in self.facts:
            facts.append(msgspec.structs.replace(fact, ledger_id=entry.id, number=len(facts) + 1))
        return facts
