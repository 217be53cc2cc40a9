-- Who wants to be told what was kept from their inbox. since: up to when they were told;
-- due: when the next letter is. Both in milliseconds.
CREATE TABLE digest (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    days INTEGER NOT NULL,
    since INTEGER NOT NULL,
    due INTEGER NOT NULL
) STRICT;
CREATE INDEX digest_due ON digest (due);
