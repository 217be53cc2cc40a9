-- Accounts that somebody else may use.

-- sending.barred: 1 while an account may send to nobody, until it is released.
ALTER TABLE sending ADD COLUMN barred INTEGER NOT NULL DEFAULT 0;

-- How many recipients elsewhere an account has had in its busiest hour; it halves within a month.
-- at: of which hour, milliseconds.
CREATE TABLE habit (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    peak INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- An account that behaves like a hijacked one. state: 'told', 'held' or 'released'; since: when
-- it came into that state, seen: when it last looked so, milliseconds; recipients: of that hour;
-- reasons: JSON.
CREATE TABLE suspicion (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    state TEXT NOT NULL,
    since INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    score INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    reasons TEXT NOT NULL
) STRICT;
