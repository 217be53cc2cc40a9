-- What happened to each letter.

-- id is the queue id that the 250 names; it begins with the time, so old rows are found
-- by id. Addresses are casefolded. There is no index over who and what: three of them cost
-- each letter more than its ledger rows do. ledger_segment stands in for them.
CREATE TABLE ledger (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    door TEXT NOT NULL,
    peer TEXT NOT NULL,
    helo TEXT NOT NULL,
    account_id INTEGER,
    sender TEXT NOT NULL,
    message_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    size INTEGER NOT NULL,
    tls TEXT NOT NULL
) STRICT;

-- One row a recipient and fact. number: 1, 2, .. at acceptance, an id for what comes later.
-- kind: filed, queued, deferred, delivered, bounced, held, released, removed, noted.
-- account_id, mailbox_id and uid say where a filed copy went.
CREATE TABLE ledger_event (
    ledger_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    recipient TEXT NOT NULL,
    account_id INTEGER,
    mailbox_id INTEGER,
    uid INTEGER,
    detail TEXT NOT NULL,
    PRIMARY KEY (ledger_id, number)
) STRICT, WITHOUT ROWID;

-- What stands in the rows first_id .. last_id: hashes of their Message-IDs, addresses and
-- accounts, sorted. Made in the background; a search opens only segments that have its hash.
CREATE TABLE ledger_segment (
    first_id INTEGER PRIMARY KEY,
    last_id INTEGER NOT NULL,
    keys BLOB NOT NULL
) STRICT;
