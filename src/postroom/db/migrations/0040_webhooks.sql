-- Programs that are told what happens. events: words with commas. within: '' for everything, else a
-- domain (A-label) or an address. letters 1: among the events are some of messages.
-- secret: sealed. last_answer, last_at: of the latest attempt; failures: in a row.
CREATE TABLE webhook (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL,
    events TEXT NOT NULL,
    within TEXT NOT NULL,
    letters INTEGER NOT NULL,
    secret BLOB NOT NULL,
    created INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    last_answer TEXT NOT NULL,
    last_at INTEGER
) STRICT;
CREATE INDEX webhook_letters ON webhook (letters);

-- What happened and is not yet handed to the hooks: written with what it tells of.
-- (ledger_id, number) as in ledger_event; ledger_id 0: no message, number is an id, content JSON.
CREATE TABLE occurrence (
    ledger_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    account_id INTEGER,
    recipient TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (ledger_id, number)
) STRICT;

-- Calls that wait. event_id: the same at each attempt; body: JSON.
CREATE TABLE hook_call (
    id INTEGER PRIMARY KEY,
    hook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    event_id TEXT NOT NULL,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    UNIQUE (hook_id, event_id)
) STRICT;
CREATE INDEX hook_call_due ON hook_call (next_attempt);
