-- How long a mailbox keeps its messages, other than the settings say: days, 0 for ever.
-- days: what the postmaster says, own_days: what its owner says; NULL: nothing.
CREATE TABLE retention (
    mailbox_id INTEGER PRIMARY KEY REFERENCES mailbox (id) ON DELETE CASCADE,
    days INTEGER,
    own_days INTEGER
) STRICT;
