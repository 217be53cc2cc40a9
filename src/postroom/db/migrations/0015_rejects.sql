-- Refused messages that can be looked at for a while, in no mailbox and under no quota. blob_id is
-- counted by blob.refs. recipient, sender: of the envelope; author, subject, reason: for people.
CREATE TABLE reject (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    size INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    sender TEXT NOT NULL,
    author TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL
) STRICT;
CREATE INDEX reject_account ON reject (account_id, id);
CREATE INDEX reject_time ON reject (at);
