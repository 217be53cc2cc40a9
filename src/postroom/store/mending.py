"""Counters of the store are set to what its rows say; messages that nobody names come back.

Nothing is deleted here. Each function looks again at what it mends, in its own transaction, so
running it twice, or when all is well, changes nothing.
"""

from collections.abc import Sequence
from typing import Final

from postroom.db.database import Tx
from postroom.store import audit, blocks, mailboxes, references, usage
from postroom.store.copying import allocate
from postroom.store.mailboxes import Mailbox

RECOVERED: Final = "Recovered"
"""The mailbox for messages that no mailbox had any more."""


def recount_mailbox(tx: Tx, account_id: int, mailbox_id: int, now: int) -> None:
    """Set what a mailbox says of its entries; UIDNEXT and HIGHESTMODSEQ only rise."""
    usage.lock(tx, account_id, now)
    counted = tx.one(
        "SELECT count(*), coalesce(sum(size), 0), coalesce(max(uid), 0), coalesce(max(modseq), 0)"
        " FROM entry WHERE mailbox_id = :mailbox",
        mailbox=mailbox_id,
    ) or (0, 0, 0, 0)
    tx.execute(
        "UPDATE mailbox SET messages = :messages, octets = :octets,"
        " uidnext = CASE WHEN uidnext <= :last THEN :last + 1 ELSE uidnext END,"
        " highestmodseq = CASE WHEN highestmodseq < :modseq THEN :modseq ELSE highestmodseq END"
        " WHERE id = :mailbox",
        messages=counted[0],
        octets=counted[1],
        last=counted[2],
        modseq=counted[3],
        mailbox=mailbox_id,
    )
    blocks.recount(tx, mailbox_id)
    recount_usage(tx, account_id, now)


def recount_usage(tx: Tx, account_id: int, now: int) -> None:
    """Set the usage of an account to the sum of its mailboxes."""
    usage.lock(tx, account_id, now)
    tx.execute(
        "UPDATE usage SET octets = (SELECT coalesce(sum(octets), 0) FROM mailbox"
        " WHERE account_id = :account), messages = (SELECT coalesce(sum(messages), 0)"
        " FROM mailbox WHERE account_id = :account) WHERE account_id = :account",
        account=account_id,
    )


def recount_messages(tx: Tx, account_id: int, fresh: int, now: int) -> int:
    """Set how often messages of an account are named; those by nobody go into a mailbox.

    ``fresh`` is an id for that mailbox. How many came back.
    """
    usage.lock(tx, account_id, now)
    wrong = audit.wrong_messages(tx, account_id)
    for one in wrong:
        if one.found:
            references.reset(tx, account_id, one.id, one.found)
    lost = [one.id for one in wrong if not one.found]
    if lost:
        _recover(tx, _recovered(tx, account_id, fresh, now), lost, now)
    return len(lost)


def recount_blobs(tx: Tx, idents: Sequence[int], now: int) -> None:
    """Set how often blobs are named; the 24 hours of those by nobody begin now."""
    for start in range(0, len(idents), audit.MOST):
        chosen = ", ".join(f"{ident:d}" for ident in idents[start : start + audit.MOST])
        tx.execute(
            "UPDATE blob SET refs = (SELECT count(*) FROM"
            f" ({audit.BLOB_NAMES}) AS named WHERE named.blob_id = blob.id)"
            f" WHERE id IN ({chosen})"
        )
        tx.execute(
            "UPDATE blob SET freed_at = CASE WHEN refs > 0 THEN NULL"
            f" ELSE coalesce(freed_at, CAST(:now AS BIGINT)) END WHERE id IN ({chosen})",
            now=now,
        )


def _recovered(tx: Tx, account_id: int, fresh: int, now: int) -> Mailbox:
    found = mailboxes.find(tx, account_id, RECOVERED)
    if found is None:
        found = mailboxes.create(tx, account_id, RECOVERED, None, [fresh], now)
        mailboxes.subscribe(tx, account_id, RECOVERED)
    return found


def _recover(tx: Tx, target: Mailbox, idents: Sequence[int], now: int) -> None:
    rows = [
        (ident, *row)
        for ident in idents
        for row in tx.all(
            "SELECT size, received FROM message WHERE account_id = :account AND id = :id",
            account=target.account_id,
            id=ident,
        )
    ]
    octets = sum(row[1] for row in rows)
    first, modseq = allocate(tx, target, len(rows), octets)
    tx.many(
        "INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, keywords,"
        " size, received, saved) VALUES (?, ?, ?, ?, ?, 0, '', ?, ?, ?)",
        [
            (target.account_id, target.id, first + place, ident, modseq, size, received, now)
            for place, (ident, size, received) in enumerate(rows)
        ],
    )
    for row in rows:
        references.reset(tx, target.account_id, row[0], 1)
    usage.charge(tx, target.account_id, octets, len(rows), now)
