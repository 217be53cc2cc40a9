-- Annotations of mailboxes, and with mailbox_id 0 of the server (RFC 5464). member_id: whose
-- private one it is, 0 of a shared one. account_id: whose room it takes, 0 for the server's.
-- name: in lower case; written: as its writer wrote it. value NULL: it was removed, which is
-- remembered for who watches. modseq: one of the mailbox; for the server a number never used.
CREATE TABLE annotation (
    mailbox_id INTEGER NOT NULL,
    member_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    written TEXT NOT NULL,
    value BLOB,
    modseq INTEGER NOT NULL,
    account_id INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, member_id, name)
) STRICT;
CREATE INDEX annotation_account ON annotation (account_id);
CREATE INDEX annotation_modseq ON annotation (mailbox_id, modseq);

-- Counts the changes to what belongs to the account but to no mailbox: names, subscriptions,
-- private annotations of the server. Other servers see by it that there is something to look at.
ALTER TABLE usage ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
