-- Mailboxes that accounts share, and who of their members has seen what.

-- mailbox_id 0: the whole account. kind: account, alias (its members), domain (who has an
-- address there), anyone; grantee_id: the id of that, 0 of anyone. rights: letters of
-- RFC 4314. A row of a mailbox stands in front of the same grantee's row of the whole
-- account; its rights may be '', which takes the mailbox out.
CREATE TABLE share (
    owner_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    mailbox_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    grantee_id INTEGER NOT NULL,
    rights TEXT NOT NULL,
    PRIMARY KEY (owner_id, mailbox_id, kind, grantee_id)
) STRICT;
CREATE INDEX share_grantee ON share (kind, grantee_id);

-- \Seen of a member, where it was ever set or taken away (seen 1 or 0); without a row the
-- message is unseen. The owner's is a bit of the entry. The table of 0002 had no rows yet.
DROP TABLE seen;
CREATE TABLE seen (
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    member_id INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, member_id, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_modseq ON seen (mailbox_id, member_id, modseq);
CREATE INDEX seen_uid ON seen (mailbox_id, uid);
CREATE INDEX seen_member ON seen (member_id);
