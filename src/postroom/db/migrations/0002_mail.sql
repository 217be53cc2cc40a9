-- Message bytes, mailboxes, messages, entries. Written in the words of SQLite;
-- db.migrate turns INTEGER, BLOB, TEXT and STRICT into those of PostgreSQL.

-- place: 0 body in this row, 1 body in the file store, 2 body in blob_frame rows.
-- digest: SHA-256 over body, then header block, both as received (uncompressed).
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    head BLOB NOT NULL,
    body BLOB,
    place INTEGER NOT NULL,
    head_size INTEGER NOT NULL,
    body_size INTEGER NOT NULL,
    frames BLOB,
    digest BLOB NOT NULL,
    refs INTEGER NOT NULL,
    freed_at INTEGER
) STRICT;
CREATE INDEX blob_freed ON blob (freed_at) WHERE freed_at IS NOT NULL;

CREATE TABLE blob_frame (
    blob_id INTEGER NOT NULL REFERENCES blob (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    octets BLOB NOT NULL,
    PRIMARY KEY (blob_id, number)
) STRICT;

-- One row an account: what its mail weighs (each entry counts), the last UIDVALIDITY given
-- out, the quota warning last sent (0, 80, 95), 1 once the special-use folders were made.
-- This row is the lock of the account: whoever writes to several mailboxes takes it first.
CREATE TABLE usage (
    account_id INTEGER PRIMARY KEY,
    octets INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    uidvalidity INTEGER NOT NULL,
    warned INTEGER NOT NULL,
    furnished INTEGER NOT NULL
) STRICT;

-- The INBOX has the id of its account. A name that begins with U+001F is that of a mailbox
-- being deleted: its name is free already, its entries go in chunks.
CREATE TABLE mailbox (
    account_id INTEGER NOT NULL,
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    special_use TEXT,
    uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL,
    highestmodseq INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    recent_uid INTEGER NOT NULL,
    created INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT;

CREATE TABLE subscription (
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (account_id, name)
) STRICT;

-- One row a letter an account holds; copies in several mailboxes share it. blob_id is
-- no foreign key: the reference count is its guard (an index here would cost each letter).
-- refs counts its entries. envelope and bodystructure are IMAP text, made once.
CREATE TABLE message (
    account_id INTEGER NOT NULL,
    id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL,
    envelope BLOB NOT NULL,
    bodystructure BLOB NOT NULL,
    thread_id INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT;
-- Those to be removed at the end of the transaction that released them.
CREATE INDEX message_spent ON message (account_id) WHERE refs = 0;

-- flags: bits 1 \Seen, 2 \Answered, 4 \Flagged, 8 \Deleted, 16 \Draft.
-- keywords: sorted, separated by one blank. size, received: copied for listing.
CREATE TABLE entry (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    uid INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords TEXT NOT NULL,
    size INTEGER NOT NULL,
    received INTEGER NOT NULL,
    saved INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_modseq ON entry (mailbox_id, modseq);
CREATE INDEX entry_unseen ON entry (mailbox_id, uid) WHERE (flags & 1) = 0;
CREATE INDEX entry_deleted ON entry (mailbox_id, uid) WHERE (flags & 8) <> 0;
CREATE INDEX entry_keywords ON entry (mailbox_id, keywords) WHERE keywords <> '';

-- \Seen of shared mailboxes, per member other than the owner.
CREATE TABLE seen (
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    member_id INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, member_id, uid)
) STRICT, WITHOUT ROWID;

-- What was expunged, and when: other sessions and QRESYNC learn it from here.
CREATE TABLE vanished (
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    uid INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX vanished_modseq ON vanished (mailbox_id, modseq);
