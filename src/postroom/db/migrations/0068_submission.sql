-- What people have sent by JMAP (RFC 8621 §7); see queue.submissions. id: the queue id;
-- email_id, thread_id: of the message it was made of; identity: the id of an Identity; envelope:
-- JSON; undo: '', 'canceled', or 'gone' for one that was destroyed, whose row tells of that.
-- made: the MODSEQ that it had at first.
CREATE TABLE submission (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    made INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    identity TEXT NOT NULL,
    email_id INTEGER NOT NULL,
    thread_id INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    send_at INTEGER NOT NULL,
    undo TEXT NOT NULL
) STRICT;
CREATE INDEX submission_account ON submission (account_id, modseq, made, undo);
CREATE INDEX submission_sent ON submission (account_id, send_at);

-- The MODSEQ of the newest of them, and that up to which rows were forgotten.
CREATE TABLE submission_state (
    account_id INTEGER PRIMARY KEY,
    modseq INTEGER NOT NULL,
    forgotten INTEGER NOT NULL
) STRICT;

-- What a person writes as (RFC 8621 §6), besides the addresses that they have; body: JSON.
CREATE TABLE identity (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (account_id, id)
) STRICT, WITHOUT ROWID;
