"""From accepted recipients and an arrived message to the letter that ``post`` commits.

Each account gets the message once, however many recipients lead to it: in its INBOX, or
wherever ``decision`` says; each address elsewhere one delivery. The stored octets are those received, without Return-Path and
without Authentication-Results in our own name, and with our Received on top.

A message that is to be delivered later (RFC 4865) waits in the queue for everybody: an
address here has a delivery to its own domain, and where that leads, to accounts or
elsewhere, is looked up when it is due (``delivery.here``).

An account that has no room left does not hold up the others behind an alias: its copy waits in the
queue, as a delivery for this account alone.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import msgspec

from postroom.blobs.prepared import Prepared
from postroom.db.ids import Ids
from postroom.directory.expand import Local
from postroom.intake import stamp
from postroom.intake.arrival import Arrival
from postroom.intake.decision import KEEP, MAX_REASON, NONE, Decisions, Filing, Resend
from postroom.intake.relay import Accepted
from postroom.intake.stamp import Session
from postroom.ledger.rows import Entry, Fact, clean, folded, normal_id
from postroom.message import dates
from postroom.message.headers import collect
from postroom.message.index import Indexed, brief, index
from postroom.message.part import MESSAGE_FIELDS
from postroom.post.letter import Letter
from postroom.protocol.smtp.commands import Mail
from postroom.queue.rows import Inward, Outgoing, Queued
from postroom.queue.submissions import Wish, submitted
from postroom.store import mailboxes, names
from postroom.store.filing import Copy
from postroom.store.rejects import Reject

NOBODY: Final[frozenset[int]] = frozenset()


class Envelope(msgspec.Struct, frozen=True):
    """Who sends a message to whom. ``sender`` is "" for the null reverse-path.

    ``is_ours``: it is of somebody who may send anywhere through us. ``decisions`` say what
    accounts do that do not simply keep the message. ``redirected`` are addresses here that their
    scripts redirect it to; ``resent`` are addresses that get it with another header block, each
    after the address here that wants it so. ``full`` are accounts without room, others of whose
    address have some. ``wish``: its sender wants to ask for it, and take it back.
    """

    mail: Mail
    sender: str
    account_id: int | None
    accepted: Sequence[Accepted]
    is_ours: bool = False
    decisions: Decisions = NONE
    redirected: Sequence[Accepted] = ()
    resent: Sequence[tuple[str, Resend]] = ()
    full: frozenset[int] = NOBODY
    wish: Wish | None = None

    def due(self, now: int) -> int:
        """When it is to be delivered, in milliseconds; ``now`` when that is at once."""
        if self.mail.hold_for is not None:
            return now + 1000 * self.mail.hold_for
        return max(now, self.mail.hold_until or 0)

    def local(self) -> list[Local]:
        """Every account once, with the first recipient that leads to it."""
        found: dict[int, Local] = {}
        for recipient in (*self.accepted, *self.redirected):
            for one in recipient.local:
                found.setdefault(one.account_id, one)
        if not self.full:
            return list(found.values())
        return [one for one in found.values() if not self._lacks_room(one)]

    def put_off(self) -> list[tuple[Local, Accepted]]:
        """Every account once whose copy waits for room, with the first recipient that leads to it.

        Its sender hears of no success when ``receipts`` have told of the others.
        """
        found: dict[int, tuple[Local, Accepted]] = {}
        for recipient in self.accepted if self.full else ():
            is_told = self.is_taken(recipient)
            for one in recipient.local:
                if self._lacks_room(one):
                    who = recipient.expanded() if is_told else recipient
                    found.setdefault(one.account_id, (one, who))
        return list(found.values())

    def _lacks_room(self, one: Local) -> bool:
        """It is full, and has not refused the message."""
        decided = self.decisions.get(one.account_id, KEEP)
        return one.account_id in self.full and decided.refusal is None

    def is_queued(self, now: int) -> bool:
        """Whether anything of it goes into the queue."""
        is_later = self.due(now) > now
        return is_later or any(one.remote for one in self.accepted) or bool(self.put_off())

    def remote(self) -> dict[str, Accepted]:
        """Every address elsewhere once, with the first recipient that leads to it.

        Where that one is somebody here as well, its sender hears of no further success (RFC 3461
        §5.2.7): ``receipts`` have told of it.
        """
        found: dict[str, Accepted] = {}
        for recipient in self.accepted:
            for address in recipient.remote:
                is_told = self.is_taken(recipient)
                found.setdefault(address, recipient.expanded() if is_told else recipient)
        return found

    def is_taken(self, recipient: Accepted) -> bool:
        """Whether an account behind the recipient gets the message now."""
        decisions = self.decisions
        return any(
            decisions.get(one.account_id, KEEP).refusal is None and one.account_id not in self.full
            for one in recipient.local
        )

    def waiting(self) -> dict[str, Accepted]:
        """What stands in for ``local`` and ``remote`` of a message that waits."""
        found: dict[str, Accepted] = {}
        for one in self.accepted:
            is_here = one.local or one.leads_on
            for address in (one.address,) if is_here else one.remote:
                found.setdefault(address, one)
        return found


class Onward(msgspec.Struct, frozen=True):
    """How a letter goes on to addresses elsewhere (see ``forwarding``).

    ``is_held``: a postmaster has to release it first.
    """

    sender: str
    prefix: bytes
    origin: int
    priority: int
    is_held: bool = False


def stamped(session: Session, envelope: Envelope, head: bytes, ident: int, now: int) -> bytes:
    """The header block as it is stored; ``head`` is cleaned (``Arrival.cleaned``)."""
    if session.is_inside:
        return head
    recipients = envelope.accepted
    top = stamp.received(
        session,
        ident,
        now,
        recipient=recipients[0].address if len(recipients) == 1 else None,
        smtputf8=envelope.mail.smtputf8,
    )
    return top + head


def indexed(envelope: Envelope, arrival: Arrival, head: bytes, now: int) -> Indexed:
    """The index of a message with this header block; brief when no mailbox gets it now."""
    if envelope.due(now) > now or not any(one.local for one in envelope.accepted):
        return brief(head)
    part = arrival.part
    if head is not arrival.head:
        part = msgspec.structs.replace(part, fields=collect(head, MESSAGE_FIELDS))
    return index(head, part)


Edit = tuple[int, bytes, bytes | None]
"""An account, and ``added`` and ``head`` of a Filing."""

NO_EDITS: Final[Mapping[Edit, "Content"]] = MappingProxyType({})


class Content(msgspec.Struct, frozen=True):
    """What there is of a message: its blob, its index, and whether it is 8-bit.

    ``octets`` of a small one: header block and body. ``author`` is who stands in From, for
    people, and only there when somebody refuses the message. ``edited`` is what scripts have
    made of it.
    """

    blob: Prepared
    indexed: Indexed
    is_ascii: bool
    octets: tuple[bytes, bytes] | None = None
    author: str = ""
    edited: Mapping[Edit, "Content"] = NO_EDITS

    @property
    def size(self) -> int:
        """Octets without any recipient's own lines."""
        return self.blob.head_size + self.blob.body_size

    @property
    def more(self) -> tuple[Prepared, ...]:
        """The blobs that scripts have made necessary."""
        return tuple([one.blob for one in self.edited.values() if one.blob is not self.blob])


def letter(
    session: Session,
    envelope: Envelope,
    content: Content,
    ids: Ids,
    ident: int,
    now: int,
    onward: Onward | None = None,
) -> Letter:
    """Everything for ``post.commit``; ``ident`` is the queue id that the 250 names.

    ``onward`` has to be there when something is to be queued, else ValueError.
    """
    is_later = envelope.due(now) > now
    remote = envelope.waiting() if is_later else envelope.remote()
    local = [] if is_later else envelope.local()
    put_off = [] if is_later else envelope.put_off()
    if (onward is None) is bool(remote or put_off):
        raise ValueError("what goes elsewhere needs to know how, and nothing else does")
    return Letter(
        blob=content.blob,
        copies=_copies(envelope, local, content, ids, now),
        queued=None if onward is None else queued(envelope, content, ident, now, onward),
        outgoing=(
            *[outgoing(ident, n, *pair) for n, pair in enumerate(remote.items())],
            *[
                _inward(envelope, ident, n, *pair)
                for n, pair in enumerate(put_off, start=len(remote))
            ],
        ),
        entry=Entry(
            ident,
            now,
            session.peer.door,
            session.peer.address,
            clean(session.helo),
            folded(envelope.sender),
            normal_id(content.indexed.message_id),
            clean(content.indexed.subject),
            content.size,
            session.peer.tls,
            envelope.account_id,
        ),
        facts=(*told(local, envelope.decisions, now), *[_no_room(one, now) for one, _ in put_off]),
        content=None if onward is None or onward.is_held else content.octets,
        rejects=rejects(envelope, local, content, ids, now),
        more=content.more,
        masks=tuple([one.mask for one in local if one.mask]),
        submitted=(
            None if envelope.wish is None else submitted(ident, envelope.wish, envelope.due(now))
        ),
    )


def told(local: Sequence[Local], decisions: Decisions, now: int) -> tuple[Fact, ...]:
    """Why accounts do anything else than to keep the message, for the ledger."""
    if not decisions:
        return ()
    facts = [
        decisions[one.account_id].fact(one.account_id, one.address, now)
        for one in local
        if one.account_id in decisions
    ]
    return tuple([fact for fact in facts if fact is not None])


def rejects(
    envelope: Envelope,
    local: Sequence[Local],
    content: Content,
    ids: Ids,
    now: int,
) -> tuple[Reject, ...]:
    """The message for the Rejects of those accounts that refuse it."""
    found = []
    for one in local if envelope.decisions else ():
        decided = envelope.decisions.get(one.account_id, KEEP)
        if decided.refusal is None:
            continue
        prefix = stamp.prefix(envelope.sender, one.address)
        found.append(
            Reject(
                id=ids.next(),
                account_id=one.account_id,
                blob_id=content.blob.id,
                at=now,
                prefix=prefix,
                size=len(prefix) + content.size,
                recipient=clean(one.address),
                sender=clean(envelope.sender),
                author=content.author,
                subject=clean(content.indexed.subject),
                reason=clean(decided.reason, MAX_REASON),
                kind=decided.kind,
            )
        )
    return tuple(found)


def _copies(
    envelope: Envelope,
    local: Sequence[Local],
    content: Content,
    ids: Ids,
    now: int,
) -> tuple[Copy, ...]:
    copies: list[Copy] = []
    for one in local:
        decided = envelope.decisions.get(one.account_id, KEEP)
        if decided is KEEP:
            copies.append(_copy(envelope, one, content, ids, now))
            continue
        made: dict[Edit, Copy] = {}  # a message by its header block
        for filing in decided.filings:
            edit = one.account_id, filing.added, filing.head
            if edit not in made:
                fields = filing.added + decided.fields if filing.head is None else b""
                chosen = content.edited.get(edit, content)
                made[edit] = _copy(envelope, one, chosen, ids, now, fields)
            copies.append(placed(made[edit], filing, ids))
    return tuple(copies)


def placed(copy: Copy, filing: Filing, ids: Ids) -> Copy:
    """The copy in the place of this filing."""
    levels = 0
    if filing.creates and isinstance(filing.mailbox, str):
        levels = 1 + filing.mailbox.count(names.SEPARATOR)
    return msgspec.structs.replace(
        copy,
        mailbox=filing.mailbox,
        special_use=filing.special_use,
        fresh=tuple([ids.next() for _ in range(levels)]),
        flags=filing.flags,
        keywords=filing.keywords,
    )


def _copy(
    envelope: Envelope, one: Local, content: Content, ids: Ids, now: int, fields: bytes = b""
) -> Copy:
    prefix = stamp.prefix(envelope.sender, one.address) + fields
    message_id = ids.next()
    return Copy(
        account_id=one.account_id,
        mailbox=mailboxes.INBOX,
        message_id=message_id,
        blob_id=content.blob.id,
        prefix=prefix,
        received=now,
        size=len(prefix) + content.size,
        envelope=content.indexed.envelope,
        bodystructure=content.indexed.bodystructure,
        thread_id=content.indexed.thread_id(message_id),
        quota=one.quota,
        recipient=one.address,
    )


def queued(envelope: Envelope, content: Content, ident: int, now: int, onward: Onward) -> Queued:
    mail = envelope.mail
    return Queued(
        id=ident,
        blob_id=content.blob.id,
        sender=onward.sender.encode(),
        size=content.size,
        accepted=now,
        account_id=envelope.account_id,
        prefix=onward.prefix,
        ret=mail.ret,
        envid=None if mail.envid is None else mail.envid.encode(),
        smtputf8=mail.smtputf8,
        eightbit=mail.body == "8BITMIME" or not content.is_ascii,
        requiretls=mail.requiretls,
        due=envelope.due(now),
        origin=onward.origin,
        priority=onward.priority,
        is_held=onward.is_held,
    )


def outgoing(ident: int, number: int, address: str, recipient: Accepted) -> Outgoing:
    return Outgoing(
        ident,
        number,
        address.encode(),
        address.rpartition("@")[2],
        None if recipient.orcpt is None else recipient.orcpt.encode(),
        recipient.notify,
        patient=recipient.is_backup,
    )


def _inward(
    envelope: Envelope, ident: int, number: int, one: Local, recipient: Accepted
) -> Outgoing:
    """The copy of an account that has no room for it."""
    decided = envelope.decisions.get(one.account_id, KEEP)
    junk = clean(decided.reason, MAX_REASON) if decided.is_junk else ""
    return msgspec.structs.replace(
        outgoing(ident, number, one.address, recipient),
        inward=Inward(one.account_id, one.detail, junk, decided.score),
    )


def _no_room(one: Local, now: int) -> Fact:
    told = "the mailbox is full: its copy waits until there is room"
    return Fact(0, 0, now, "noted", folded(one.address), one.account_id, detail=told)


def reasons(made: Letter) -> list[str]:
    """What VERB tells of a message that was accepted."""
    queued = made.queued
    inward = len([one for one in made.outgoing if one.inward is not None])
    told = [
        f"filed in mailboxes: {len(made.copies)}",
        f"queued for addresses elsewhere: {len(made.outgoing) - inward}",
        f"stored octets: {made.blob.head_size + made.blob.body_size}",
    ]
    if queued is not None and queued.first_attempt > queued.accepted:
        told[:2] = [
            f"queued for addresses: {len(made.outgoing)}",
            f"held until {dates.write(queued.first_attempt)}",
        ]
    elif inward:
        told.append(f"queued for mailboxes that are full: {inward}")
    return told
