r"""Copying and moving entries between mailboxes: one transaction, all or nothing.

Copies within an account share the message's row (``store.references``; in a move each new
entry takes over the reference of an old one); a copy to another account makes a row there that
shares the blob. Flags and INTERNALDATE are kept, the copies are \Recent. UIDs of the copies
are one run, in the order of the originals. \Seen is that of the person who copies, on
either side; nobody else has seen a copy.

RFC 3501 §6.4.7 (COPY), RFC 6851 (MOVE), RFC 4315 §3 (COPYUID).
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from postroom.blobs.store import BlobStore
from postroom.db.database import Tx
from postroom.errors import NotFound
from postroom.quota import NO_QUOTA, Quota
from postroom.store import (
    blocks,
    entries,
    flags as flag_words,
    references,
    removal,
    sweeps,
    textindex,
    usage,
)
from postroom.store.filing import MAX_UID
from postroom.store.mailboxes import Mailbox
from postroom.store.spans import Span


class Transfer(msgspec.Struct, frozen=True):
    r"""What is copied where. ``quota`` is that of the target's account.

    ``reader`` is whose \Seen counts in the source, ``member`` whose in the target; None is
    the owner. Flags outside ``mask``, and without ``names`` all keywords, are left behind.
    """

    source_account: int
    source_mailbox: int
    target: Mailbox
    spans: tuple[Span, ...]
    is_move: bool
    quota: Quota = NO_QUOTA
    reader: int | None = None
    member: int | None = None
    mask: int = flag_words.ALL
    names: bool = True


class Copied(msgspec.Struct, frozen=True):
    """The originals' UIDs, ascending, and the first UID of their copies."""

    uidvalidity: int
    sources: list[int]
    first: int


def transfer(tx: Tx, blobs: BlobStore, order: Transfer, now: int) -> Copied:
    """Copy or move; raises MailboxFull above the quota, NotFound without the target."""
    target = order.target
    for account_id in sorted({order.source_account, target.account_id}):
        usage.lock(tx, account_id, now)
    sources, octets = _sources(tx, order)
    if not sources:
        return Copied(target.uidvalidity, [], 0)
    within = order.source_account == target.account_id
    if not (within and order.is_move):
        used = usage.usage_of(tx, target.account_id)
        usage.refuse_above(order.quota, used, octets, len(sources))
    usage.charge(tx, target.account_id, octets, len(sources), now)
    first, modseq = allocate(tx, target, len(sources), octets)
    base = first
    for span in order.spans:
        if not (within and order.is_move):  # there each new entry takes over from an old one
            _add_references(tx, blobs, order, span)
        base += _copy_span(tx, order, span, base, modseq, now)
    if order.is_move:
        _remove(tx, blobs, order, now)
    return Copied(target.uidvalidity, sources, first)


def _sources(tx: Tx, order: Transfer) -> tuple[list[int], int]:
    uids: list[int] = []
    octets = 0
    for span in order.spans:
        rows = tx.all(
            "SELECT uid, size FROM entry WHERE mailbox_id = :mailbox"
            f" AND account_id = :account AND {span.where()} ORDER BY uid",
            mailbox=order.source_mailbox,
            account=order.source_account,
        )
        uids += [row[0] for row in rows]
        octets += sum(row[1] for row in rows)
    return uids, octets


def allocate(tx: Tx, target: Mailbox, messages: int, octets: int) -> tuple[int, int]:
    """Make room in a mailbox: the first UID of a run and the MODSEQ. Raises NotFound."""
    row = tx.one(
        "UPDATE mailbox SET uidnext = uidnext + :messages, highestmodseq = highestmodseq + 1,"
        " messages = messages + :messages, octets = octets + :octets"
        " WHERE id = :mailbox AND account_id = :account AND name = :name"
        " AND uidnext + :messages <= :end RETURNING uidnext, highestmodseq",
        messages=messages,
        octets=octets,
        mailbox=target.id,
        account=target.account_id,
        name=target.name,
        end=MAX_UID,
    )
    if row is None:
        raise NotFound(f"the mailbox {target.name!r} has just been deleted or renamed")
    first, modseq = int(row[0]) - messages, int(row[1])
    blocks.arrived(tx, target.id, first, messages, modseq)
    return first, modseq


def _copy_span(tx: Tx, order: Transfer, span: Span, base: int, modseq: int, now: int) -> int:
    """Insert the entries of one span from UID ``base`` on; how many there were."""
    rows, where = sweeps.rows(tx, order.source_mailbox, order.reader), span.where("e.uid")
    if order.member is not None and order.mask & flag_words.SEEN:
        tx.execute(
            "INSERT INTO seen (mailbox_id, member_id, uid, seen, modseq)"
            " SELECT :target, :member, copied.uid, 1, :modseq FROM"
            " (SELECT :base + row_number() OVER (ORDER BY e.uid) - 1 AS uid, e.flags AS flags"
            f" FROM {rows} WHERE e.mailbox_id = :source AND {where}) AS copied"
            " WHERE (copied.flags & 1) <> 0",
            target=order.target.id,
            member=order.member,
            modseq=modseq,
            base=base,
            source=order.source_mailbox,
        )
    names = "e.keywords" if order.names else "''"
    kept = order.mask if order.member is None else order.mask & ~flag_words.SEEN
    return tx.execute(
        "INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, keywords,"
        " size, received, saved)"
        " SELECT :account, :target, :base + row_number() OVER (ORDER BY e.uid) - 1, e.message_id,"
        f" :modseq, e.flags & :kept, {names}, e.size, e.received,"
        f" :now FROM {rows} WHERE e.mailbox_id = :source AND {where} ORDER BY e.uid",
        account=order.target.account_id,
        target=order.target.id,
        base=base,
        modseq=modseq,
        kept=kept,
        now=now,
        source=order.source_mailbox,
    )


def _add_references(tx: Tx, blobs: BlobStore, order: Transfer, span: Span) -> None:
    named = f"SELECT message_id FROM entry WHERE mailbox_id = :source AND {span.where()}"
    if order.target.account_id == order.source_account:
        references.add(tx, order.source_account, named, source=order.source_mailbox)
        return
    _adopt(tx, blobs, order, span)
    coming = references.counted(named)
    tx.execute(
        f"UPDATE message SET refs = refs + coming.n FROM ({coming}) AS coming"
        " WHERE message.account_id = coming.account_id AND message.id = coming.id",
        source=order.source_mailbox,
        account=order.target.account_id,
    )


def _adopt(tx: Tx, blobs: BlobStore, order: Transfer, span: Span) -> None:
    """Make the message rows that the target's account lacks; they share the blobs."""
    rows = tx.all(
        "INSERT INTO message (account_id, id, blob_id, prefix, received, size, envelope,"
        " bodystructure, thread_id, refs)"
        " SELECT :target, id, blob_id, prefix, received, size, envelope, bodystructure,"
        " thread_id, 0 FROM message WHERE account_id = :source AND id IN"
        f" (SELECT message_id FROM entry WHERE mailbox_id = :mailbox AND {span.where()})"
        " ON CONFLICT (account_id, id) DO NOTHING RETURNING blob_id, id",
        target=order.target.account_id,
        source=order.source_account,
        mailbox=order.source_mailbox,
    )
    textindex.note(tx, order.target.account_id, [row[1] for row in rows], gone=False)
    counts: Sequence[tuple[int, int]] = sorted(Counter(row[0] for row in rows).items())
    if counts:
        blobs.retain(tx, dict(counts))


def _remove(tx: Tx, blobs: BlobStore, order: Transfer, now: int) -> None:
    account_id, mailbox_id = order.source_account, order.source_mailbox
    leaves = account_id != order.target.account_id
    modseq = entries.next_modseq(tx, account_id, mailbox_id)
    for span in order.spans:
        if leaves:
            removal.drop_references(tx, account_id, mailbox_id, span.where())
        removal.remove_entries(tx, account_id, mailbox_id, span.where(), modseq, stay=not leaves)
    if leaves:
        removal.release_spent(tx, blobs, account_id, now)
