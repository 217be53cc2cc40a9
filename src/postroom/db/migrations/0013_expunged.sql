-- Copies of messages that were expunged and can be had back until they are purged. Each is
-- counted by message.refs as an entry is, and by no quota. mailbox: its name at that time.
CREATE TABLE expunged (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    mailbox TEXT NOT NULL,
    uid INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    keywords TEXT NOT NULL,
    size INTEGER NOT NULL,
    received INTEGER NOT NULL,
    expunged_at INTEGER NOT NULL
) STRICT;
CREATE INDEX expunged_account ON expunged (account_id, id);
CREATE INDEX expunged_time ON expunged (expunged_at);
