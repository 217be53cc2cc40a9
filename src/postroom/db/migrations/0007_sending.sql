-- Who may send as whom, how much, and where accounts forward their mail.

-- An account may send as this address, besides its own. local '': as every one of the domain
-- (lower-case A-labels).
CREATE TABLE send_as (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    domain TEXT NOT NULL,
    local TEXT NOT NULL,
    PRIMARY KEY (account_id, domain, local)
) STRICT;

-- How much accounts send. began: milliseconds, when the 24 hours began in which recipients
-- are counted. most: a limit of its own, 0 for none, NULL for that of the settings.
-- stopped: 1 once it was told in these 24 hours that there is no more.
CREATE TABLE sending (
    account_id INTEGER PRIMARY KEY,
    began INTEGER NOT NULL,
    recipients INTEGER NOT NULL,
    most INTEGER,
    stopped INTEGER NOT NULL
) STRICT;

-- An account whose letters go on to the targets of an alias that has no name, so that they
-- follow when a target is renamed. keep: 1 when the account gets them too.
CREATE TABLE forward (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    alias_id INTEGER NOT NULL UNIQUE REFERENCES alias (id),
    keep INTEGER NOT NULL
) STRICT;
