-- Whom an account does not write to for now. kind: bounce, complaint, hand; until: UTC ms,
-- 0 for no end; ledger_id: the message it comes of, 0 for none; reason: what was said.
CREATE TABLE suppression (
    account_id INTEGER NOT NULL,
    address TEXT NOT NULL,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    until INTEGER NOT NULL,
    ledger_id INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (account_id, address)
) STRICT, WITHOUT ROWID;
CREATE INDEX suppression_until ON suppression (until) WHERE until > 0;
CREATE INDEX suppression_hand ON suppression (account_id, address) WHERE kind = 'hand';

-- Whose mail heeds the list of an account (api, all, off; NULL: as the settings say), and how many
-- addresses are on it. The row of an account that is gone stays until its addresses are deleted.
CREATE TABLE suppressing (
    account_id INTEGER PRIMARY KEY,
    scope TEXT,
    entries INTEGER NOT NULL
) STRICT;
