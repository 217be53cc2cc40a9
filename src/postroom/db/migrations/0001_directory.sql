-- Domains, accounts, aliases, credentials. Written in the words of SQLite;
-- db.migrate turns INTEGER, BLOB, TEXT and STRICT into those of PostgreSQL.

-- Bumped by every change of the directory; caches compare it.
CREATE TABLE version (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
INSERT INTO version (name, value) VALUES ('directory', 1);

-- name: lower-case A-labels. alias_of: every name here is a name there.
-- removed: milliseconds, kept while removed accounts could still be restored.
CREATE TABLE domain (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    alias_of INTEGER REFERENCES domain (id),
    catch_local TEXT,
    catch_domain TEXT,
    separators TEXT NOT NULL,
    case_sensitive INTEGER NOT NULL,
    dots_ignored INTEGER NOT NULL,
    created INTEGER NOT NULL,
    removed INTEGER
) STRICT;
CREATE INDEX domain_alias_of ON domain (alias_of) WHERE alias_of IS NOT NULL;

-- kind: person, or holding (takes the mail of postmaster until there is an admin).
-- revision rises whenever a login that worked before might no longer work.
-- quota: octets, 0 none. One SCRAM salt and count serve all credentials.
CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    is_admin INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    quota INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    scram_salt BLOB NOT NULL,
    scram_iterations INTEGER NOT NULL,
    created INTEGER NOT NULL,
    removed INTEGER
) STRICT;
CREATE INDEX account_admin ON account (id) WHERE is_admin = 1;
CREATE INDEX account_holding ON account (id) WHERE kind = 'holding';
CREATE INDEX account_removed ON account (removed) WHERE removed IS NOT NULL;

CREATE TABLE alias (
    id INTEGER PRIMARY KEY,
    hidden INTEGER NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- The one name space of accounts and aliases. canonical is the key under the policy of
-- the domain, written what people see. live 0: the account is removed (the name is free)
-- or it is the holding account (which never stands in the way of a name).
CREATE TABLE address (
    id INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL REFERENCES domain (id),
    canonical TEXT NOT NULL,
    written TEXT NOT NULL,
    account_id INTEGER REFERENCES account (id),
    alias_id INTEGER REFERENCES alias (id),
    main INTEGER NOT NULL,
    live INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX address_name ON address (domain_id, canonical) WHERE live = 1;
CREATE INDEX address_domain ON address (domain_id, canonical);
CREATE INDEX address_account ON address (account_id) WHERE account_id IS NOT NULL;
CREATE INDEX address_aliases ON address (domain_id, canonical) WHERE alias_id IS NOT NULL;
CREATE UNIQUE INDEX address_alias ON address (alias_id) WHERE alias_id IS NOT NULL;

-- folded: the local part without case and dots, to find targets whatever the policy.
CREATE TABLE alias_target (
    alias_id INTEGER NOT NULL REFERENCES alias (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    local TEXT NOT NULL,
    domain TEXT NOT NULL,
    folded TEXT NOT NULL,
    PRIMARY KEY (alias_id, position)
) STRICT;
CREATE INDEX alias_target_name ON alias_target (domain, folded);

-- kind: password or app. scopes: for app, sorted and separated by commas.
-- verifier: an Argon2id PHC string, or HMAC-SHA-256 of an app password.
CREATE TABLE credential (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT NOT NULL,
    verifier BLOB NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER
) STRICT;
CREATE UNIQUE INDEX credential_label ON credential (account_id, kind, label);
