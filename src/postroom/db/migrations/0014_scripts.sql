-- How people have their letters filtered as they arrive.

-- Sieve scripts by name. account_id 0: scripts of the site, that those of accounts may
-- include. octets: of the content in UTF-8. active: 1 for the one that runs, of site scripts
-- none. updated: milliseconds.
CREATE TABLE script (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    octets INTEGER NOT NULL,
    active INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    UNIQUE (account_id, name)
) STRICT;
CREATE UNIQUE INDEX script_active ON script (account_id) WHERE active = 1;

-- Rules in place of Sieve, run in the order of position (from 1, without gaps).
-- body: JSON, see directory/rules.py.
CREATE TABLE rule (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX rule_account ON rule (account_id, position);

-- The answer to letters while their receiver is away. body: JSON, see directory/vacations.py.
CREATE TABLE vacation (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    body TEXT NOT NULL
) STRICT;
