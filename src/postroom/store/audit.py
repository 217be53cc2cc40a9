"""Do the counters of the store say what its rows say? For ``postroom doctor``.

Each function reads a page, so that no read lasts long; but for the references of blobs, which
only all messages together can tell. A read sees one moment: work that is under way elsewhere
is never taken for a fault. What is wrong is mended by ``store.mending``.
"""

from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.store import blocks

PAGE: Final = 100  # mailboxes or accounts of one read
MOST: Final = 1000  # faults of one kind and read

BLOB_NAMES: Final = (
    "SELECT blob_id FROM message UNION ALL SELECT blob_id FROM queued"
    " UNION ALL SELECT blob_id FROM reject UNION ALL SELECT blob_id FROM upload"
)


class WrongMailbox(msgspec.Struct, frozen=True):
    """A mailbox with a counter that does not fit its entries."""

    account_id: int
    id: int
    name: str


class WrongMessage(msgspec.Struct, frozen=True):
    """A message with ``refs`` counted where ``found`` entries and expunged copies name it."""

    id: int
    refs: int
    found: int


class WrongBlob(msgspec.Struct, frozen=True):
    """A blob with ``refs`` where ``found`` rows name it."""

    id: int
    refs: int
    found: int


def wrong_mailboxes(tx: Tx, after: int) -> tuple[list[WrongMailbox], int]:
    """Those of a page of mailboxes with ids above ``after``; the last id, 0 at the end."""
    rows = tx.all(
        "SELECT id, account_id, name, messages, octets, uidnext, highestmodseq FROM mailbox"
        " WHERE id > :after ORDER BY id LIMIT :page",
        after=after,
        page=PAGE,
    )
    if not rows:
        return [], 0
    last: int = rows[-1][0]
    counted = {
        row[0]: row[1:]
        for row in tx.all(
            "SELECT mailbox_id, count(*), sum(size), max(uid), max(modseq) FROM entry"
            " WHERE mailbox_id > :after AND mailbox_id <= :last GROUP BY mailbox_id",
            after=after,
            last=last,
        )
    }
    wrong = []
    unnamed = blocks.wrong(tx, after, last)
    for ident, account_id, name, messages, octets, uidnext, modseq in rows:
        found = counted.get(ident, (0, 0, 0, 0))
        fits = (messages, octets) == found[:2] and uidnext > found[2] and modseq >= found[3]
        if not fits or ident in unnamed:
            wrong.append(WrongMailbox(account_id, ident, name))
    return wrong, last


def wrong_usages(tx: Tx, after: int) -> tuple[list[int], int]:
    """Accounts whose usage is not the sum of their mailboxes; as above."""
    rows = tx.all(
        "SELECT u.account_id, u.octets, u.messages, coalesce(sum(b.octets), 0),"
        " coalesce(sum(b.messages), 0) FROM usage u"
        " LEFT JOIN mailbox b ON b.account_id = u.account_id WHERE u.account_id > :after"
        " GROUP BY u.account_id, u.octets, u.messages ORDER BY u.account_id LIMIT :page",
        after=after,
        page=PAGE,
    )
    return [row[0] for row in rows if row[1:3] != row[3:5]], rows[-1][0] if rows else 0


def accounts(tx: Tx, after: int) -> list[int]:
    """A page of the accounts that have mail."""
    rows = tx.all(
        "SELECT account_id FROM usage WHERE account_id > :after ORDER BY account_id LIMIT :page",
        after=after,
        page=PAGE,
    )
    return [row[0] for row in rows]


def wrong_messages(tx: Tx, account_id: int) -> list[WrongMessage]:
    """Messages of an account that are named more or less often than they say."""
    rows = tx.all(
        "SELECT m.id, m.refs + coalesce(c.refs, 0), coalesce(e.n, 0) + coalesce(x.n, 0)"
        " FROM message m LEFT JOIN message_copies c"
        " ON c.account_id = m.account_id AND c.message_id = m.id"
        " LEFT JOIN (SELECT e.message_id, count(*) AS n FROM mailbox b"
        " JOIN entry e ON e.mailbox_id = b.id WHERE b.account_id = :account"
        " GROUP BY e.message_id) AS e ON e.message_id = m.id"
        " LEFT JOIN (SELECT message_id, count(*) AS n FROM expunged WHERE account_id = :account"
        " GROUP BY message_id) AS x ON x.message_id = m.id"
        " WHERE m.account_id = :account AND (m.refs + coalesce(c.refs, 0)"
        " <> coalesce(e.n, 0) + coalesce(x.n, 0) OR m.refs = 0) ORDER BY m.id LIMIT :most",
        account=account_id,
        most=MOST,
    )
    return [WrongMessage(*row) for row in rows]


def lost_entries(tx: Tx, account_id: int) -> list[tuple[str, int]]:
    """(mailbox, UID) of entries of an account whose message is gone."""
    rows = tx.all(
        "SELECT b.name, e.uid FROM mailbox b JOIN entry e ON e.mailbox_id = b.id"
        " LEFT JOIN message m ON m.account_id = e.account_id AND m.id = e.message_id"
        " WHERE b.account_id = :account AND m.id IS NULL ORDER BY b.name, e.uid LIMIT :most",
        account=account_id,
        most=MOST,
    )
    return [(row[0], row[1]) for row in rows]


def without_blob(tx: Tx, account_id: int) -> list[int]:
    """The blobs that messages of an account name, and that are gone."""
    rows = tx.all(
        "SELECT m.blob_id FROM message m LEFT JOIN blob o ON o.id = m.blob_id"
        " WHERE m.account_id = :account AND o.id IS NULL ORDER BY m.blob_id LIMIT :most",
        account=account_id,
        most=MOST,
    )
    return [row[0] for row in rows]


def wrong_blobs(tx: Tx) -> list[WrongBlob]:
    """Blobs that are named more or less often than they say."""
    rows = tx.all(
        "SELECT o.id, o.refs, coalesce(r.n, 0) FROM blob o LEFT JOIN"
        f" (SELECT blob_id, count(*) AS n FROM ({BLOB_NAMES}) AS named GROUP BY blob_id) AS r"
        " ON r.blob_id = o.id WHERE o.refs <> coalesce(r.n, 0)"
        " OR (o.refs = 0 AND o.freed_at IS NULL) OR (o.refs > 0 AND o.freed_at IS NOT NULL)"
        " ORDER BY o.id LIMIT :most",
        most=MOST,
    )
    return [WrongBlob(*row) for row in rows]


def holders(tx: Tx, blob_id: int) -> list[tuple[int, str, int]]:
    """(account, mailbox, UID) of who has a blob. Reads every message: for what is damaged."""
    rows = tx.all(
        "SELECT m.account_id, b.name, e.uid FROM message m JOIN mailbox b"
        " ON b.account_id = m.account_id JOIN entry e ON e.mailbox_id = b.id"
        " AND e.message_id = m.id WHERE m.blob_id = :blob ORDER BY m.account_id, b.name, e.uid"
        " LIMIT :most",
        blob=blob_id,
        most=MOST,
    )
    return [(row[0], row[1], row[2]) for row in rows]
