"""From accepted recipients and an arrived message to the letter that ``post`` commits.

Each account gets one copy, in its INBOX, however many recipients lead to it; each address
elsewhere one delivery. The stored octets are those received, without Return-Path and
without Authentication-Results in our own name, and with our Received on top.
"""

from collections.abc import Sequence

import msgspec

from postroom.blobs.prepared import Prepared
from postroom.db.ids import Ids
from postroom.directory.expand import Local
from postroom.intake import stamp
from postroom.intake.relay import Accepted
from postroom.intake.stamp import Session
from postroom.ledger.rows import Entry, clean, folded, normal_id
from postroom.message import trace
from postroom.message.index import Indexed
from postroom.post.letter import Letter
from postroom.protocol.smtp.commands import Mail
from postroom.queue.rows import Outgoing, Queued
from postroom.store import mailboxes
from postroom.store.filing import Copy


class Envelope(msgspec.Struct, frozen=True):
    """Who sends a message to whom. ``sender`` is "" for the null reverse-path."""

    mail: Mail
    sender: str
    account_id: int | None
    accepted: Sequence[Accepted]

    def local(self) -> list[Local]:
        """Every account once, with the first recipient that leads to it."""
        found: dict[int, Local] = {}
        for recipient in self.accepted:
            for one in recipient.local:
                found.setdefault(one.account_id, one)
        return list(found.values())

    def remote(self) -> dict[str, Accepted]:
        """Every address elsewhere once, with the first recipient that leads to it."""
        found: dict[str, Accepted] = {}
        for recipient in self.accepted:
            for address in recipient.remote:
                found.setdefault(address, recipient)
        return found


def stamped(session: Session, envelope: Envelope, head: bytes, ident: int, now: int) -> bytes:
    """The header block as it is stored."""
    recipients = envelope.accepted
    top = stamp.received(
        session,
        ident,
        now,
        recipient=recipients[0].address if len(recipients) == 1 else None,
        smtputf8=envelope.mail.smtputf8,
    )
    return top + trace.strip_own(head, session.hostname)


class Content(msgspec.Struct, frozen=True):
    """What there is of a message: its blob, its index, and whether it is 8-bit."""

    blob: Prepared
    indexed: Indexed
    is_ascii: bool

    @property
    def size(self) -> int:
        """Octets without any recipient's own lines."""
        return self.blob.head_size + self.blob.body_size


def letter(
    session: Session, envelope: Envelope, content: Content, ids: Ids, ident: int, now: int
) -> Letter:
    """Everything for ``post.commit``; ``ident`` is the queue id that the 250 names."""
    remote = envelope.remote()
    return Letter(
        blob=content.blob,
        copies=tuple([_copy(envelope, one, content, ids, now) for one in envelope.local()]),
        queued=_queued(envelope, content, ident, now) if remote else None,
        outgoing=tuple([_outgoing(ids, ident, *pair) for pair in remote.items()]),
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
    )


def _copy(envelope: Envelope, one: Local, content: Content, ids: Ids, now: int) -> Copy:
    prefix = stamp.prefix(envelope.sender, one.address)
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
        thread_id=message_id,
        quota=one.quota,
        recipient=one.address,
    )


def _queued(envelope: Envelope, content: Content, ident: int, now: int) -> Queued:
    mail = envelope.mail
    return Queued(
        id=ident,
        blob_id=content.blob.id,
        sender=envelope.sender.encode(),
        size=content.size,
        accepted=now,
        account_id=envelope.account_id,
        ret=mail.ret,
        envid=None if mail.envid is None else mail.envid.encode(),
        smtputf8=mail.smtputf8,
        eightbit=mail.body == "8BITMIME" or not content.is_ascii,
    )


def _outgoing(ids: Ids, ident: int, address: str, recipient: Accepted) -> Outgoing:
    return Outgoing(
        ids.next(),
        ident,
        address.encode(),
        address.rpartition("@")[2],
        None if recipient.orcpt is None else recipient.orcpt.encode(),
        recipient.notify,
    )


def reasons(made: Letter) -> list[str]:
    """What VERB tells of a message that was accepted."""
    return [
        f"filed in mailboxes: {len(made.copies)}",
        f"queued for addresses elsewhere: {len(made.outgoing)}",
        f"stored octets: {made.blob.head_size + made.blob.body_size}",
    ]
