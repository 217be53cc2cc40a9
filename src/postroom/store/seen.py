r"""\Seen of members: people who use a mailbox that another account shares with them.

The owner's \Seen is a bit of the entry; a member's is a row of ``seen``, kept where it was
ever set or taken away. Its MODSEQ is one of the mailbox, so that a member's session learns
of it like of any other change (``store.blocks``): for a member an entry has the later of
both. Readers of entries name ``rows(member)`` behind FROM and see the member's view, or the
table itself.

RFC 3501 §2.3.2 and RFC 7162 §3.1 leave flags of one user to the server.
"""

from postroom.db.database import Tx, number
from postroom.store import blocks
from postroom.store.spans import Span


def rows(member: int | None, entries: str = "entry") -> str:
    r"""The entries, named ``e``, as a member sees them; None is the owner.

    Its columns are those of ``entry``; \Seen and MODSEQ are the member's. Other flags than \Seen
    and \Deleted may be in ``sweeps``: who wants them too names ``sweeps.rows``.
    """
    if member is None:
        return f"{entries} AS e"
    return (
        "(SELECT o.account_id, o.mailbox_id, o.uid, o.message_id,"
        " CASE WHEN s.modseq > o.modseq THEN s.modseq ELSE o.modseq END AS modseq,"
        " (o.flags & 30) | coalesce(s.seen, 0) AS flags,"
        f" o.keywords, o.size, o.received, o.saved FROM {entries} AS o"
        " LEFT JOIN seen s ON s.mailbox_id = o.mailbox_id"
        f" AND s.member_id = {member:d} AND s.uid = o.uid) AS e"
    )


def mark(tx: Tx, mailbox_id: int, member: int, span: Span, modseq: int, *, is_seen: bool) -> int:
    r"""Set or take away a member's \Seen; how many changed, the others keep their MODSEQ."""
    if is_seen:
        count = tx.execute(
            "INSERT INTO seen (mailbox_id, member_id, uid, seen, modseq)"
            " SELECT mailbox_id, :member, uid, 1, :modseq FROM entry"
            f" WHERE mailbox_id = :mailbox AND {span.where()}"
            " ON CONFLICT (mailbox_id, member_id, uid) DO UPDATE"
            " SET seen = 1, modseq = excluded.modseq WHERE seen.seen = 0",
            mailbox=mailbox_id,
            member=member,
            modseq=modseq,
        )
    else:
        count = tx.execute(
            "UPDATE seen SET seen = 0, modseq = :modseq WHERE mailbox_id = :mailbox"
            f" AND member_id = :member AND seen = 1 AND {span.where()}",
            mailbox=mailbox_id,
            member=member,
            modseq=modseq,
        )
    if count:
        blocks.risen(tx, mailbox_id, span, modseq, member)
    return count


def count(tx: Tx, mailbox_id: int, member: int) -> int:
    """How many messages of a mailbox a member has seen."""
    return number(
        tx,
        "SELECT count(*) FROM seen WHERE mailbox_id = :mailbox AND member_id = :member"
        " AND seen = 1",
        mailbox=mailbox_id,
        member=member,
    )


def forget(tx: Tx, mailbox_id: int, condition: str) -> None:
    """Drop the rows of entries that are about to go; ``condition`` is on ``entry``."""
    if tx.one("SELECT 1 FROM seen WHERE mailbox_id = :mailbox LIMIT 1", mailbox=mailbox_id):
        tx.execute(
            "DELETE FROM seen WHERE mailbox_id = :mailbox AND uid IN"
            f" (SELECT uid FROM entry WHERE mailbox_id = :mailbox AND {condition})",
            mailbox=mailbox_id,
        )


def forget_member(tx: Tx, member: int) -> None:
    """Drop what an account that is gone has seen of others' mailboxes."""
    tx.execute("DELETE FROM seen WHERE member_id = :member", member=member)
