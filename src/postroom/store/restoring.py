r"""Restoring: expunged copies become entries again.

A copy goes back into the mailbox it came from, whatever that is called now; when it is gone,
into the mailbox of that name, made anew where there is none. Flags (without \Deleted),
keywords and INTERNALDATE are as they were; the UIDs are new, in the order of the expunge.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.db.ids import Ids
from postroom.quota import NO_QUOTA, Quota
from postroom.store import expunged, flags, mailboxes, names, usage
from postroom.store.copying import allocate
from postroom.store.expunged import Expunged
from postroom.store.mailboxes import Mailbox

_KEPT_FLAGS: Final = flags.ALL & ~flags.DELETED


class Restoration(msgspec.Struct, frozen=True):
    """Which copies, at most ``expunged.MOST_NAMED``, and where to.

    ``target`` is the canonical name of one mailbox for all, made where it is missing; "": back
    to where each came from. ``quota`` is that of the account.
    """

    copies: Sequence[int]
    target: str = ""
    quota: Quota = NO_QUOTA


class Restored(msgspec.Struct, frozen=True):
    """What came back: how many messages into each mailbox, by id, with its name."""

    messages: int
    octets: int
    mailboxes: dict[int, tuple[str, int]]


def restore(tx: Tx, ids: Ids, account_id: int, order: Restoration, now: int) -> Restored:
    """Put the copies of an account back; those that are gone are left out.

    All or nothing: raises MailboxFull above the quota.
    """
    used = usage.lock(tx, account_id, now)
    copies = expunged.named(tx, account_id, order.copies)
    octets = sum(copy.size for copy in copies)
    if copies:
        usage.refuse_above(order.quota, used, octets, len(copies))
        usage.charge(tx, account_id, octets, len(copies), now)
    places: dict[tuple[int, str], Mailbox] = {}
    chosen: dict[Mailbox, list[Expunged]] = {}
    for copy in copies:
        wanted = (0, order.target) if order.target else (copy.mailbox_id, copy.mailbox)
        if wanted not in places:
            places[wanted] = _place(tx, ids, account_id, *wanted, now)
        chosen.setdefault(places[wanted], []).append(copy)
    for target in sorted(chosen, key=lambda target: target.id):
        _put(tx, target, chosen[target], now)
    filed = {target.id: (target.name, len(some)) for target, some in chosen.items()}
    return Restored(len(copies), octets, filed)


def _place(tx: Tx, ids: Ids, account_id: int, mailbox_id: int, name: str, now: int) -> Mailbox:
    """The mailbox of this id, else of this name, else a new one."""
    if mailboxes.exists(tx, account_id, mailbox_id):
        name = mailboxes.name_of(tx, mailbox_id)
    found = mailboxes.find(tx, account_id, name)
    if found is not None:
        return found
    mailboxes.subscribe(tx, account_id, name)
    if name == mailboxes.INBOX:
        mailboxes.make_inbox(tx, account_id, now)
        return mailboxes.get(tx, account_id, name)
    fresh = [ids.next() for _ in name.split(names.SEPARATOR)]
    return mailboxes.create(tx, account_id, name, None, fresh, now)


def _put(tx: Tx, target: Mailbox, copies: Sequence[Expunged], now: int) -> None:
    """Make entries of the copies, which are not empty; the references become theirs."""
    first, modseq = allocate(tx, target, len(copies), sum(copy.size for copy in copies))
    chosen = expunged.listed([copy.id for copy in copies])
    tx.execute(
        "INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, keywords,"
        " size, received, saved)"
        " SELECT account_id, :target, :first + row_number() OVER (ORDER BY id) - 1, message_id,"
        " :modseq, flags & :kept, keywords, size, received, :now FROM expunged"
        f" WHERE account_id = :account AND {chosen}",
        target=target.id,
        first=first,
        modseq=modseq,
        kept=_KEPT_FLAGS,
        now=now,
        account=target.account_id,
    )
    tx.execute(
        f"DELETE FROM expunged WHERE account_id = :account AND {chosen}",
        account=target.account_id,
    )
