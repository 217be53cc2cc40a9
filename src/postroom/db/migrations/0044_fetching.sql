-- Accounts elsewhere whose mail is fetched. tls: none, starttls, implicit. secret: sealed.
-- folder: there (IMAP). target: a mailbox here, '' as if the mail were received. leaves 1: nothing
-- is deleted there. every: minutes. next_at, last_at: milliseconds. failures: in a row, and the last
-- problem. fetched: messages so far.
CREATE TABLE fetching (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    protocol TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    tls TEXT NOT NULL,
    verify INTEGER NOT NULL,
    login TEXT NOT NULL,
    secret BLOB NOT NULL,
    is_token INTEGER NOT NULL,
    folder TEXT NOT NULL,
    target TEXT NOT NULL,
    leaves INTEGER NOT NULL,
    every INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    last_at INTEGER,
    failures INTEGER NOT NULL,
    fetched INTEGER NOT NULL,
    problem TEXT NOT NULL
) STRICT;
CREATE INDEX fetching_due ON fetching (next_at);
CREATE INDEX fetching_account ON fetching (account_id, id);
