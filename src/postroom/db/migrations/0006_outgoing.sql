-- What outgoing mail needs to know: signing keys, relays, TLS rules of domains.

-- state: waiting (published first), active (signs), retired (published for a while yet).
-- private_key: PKCS8, sealed with the key of data/secrets. public_key: SubjectPublicKeyInfo.
CREATE TABLE dkim_key (
    id INTEGER PRIMARY KEY,
    domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    selector TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    private_key BLOB NOT NULL,
    public_key BLOB NOT NULL,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    activated INTEGER,
    retired INTEGER
) STRICT;
CREATE UNIQUE INDEX dkim_key_selector ON dkim_key (domain_id, selector);
CREATE INDEX dkim_key_waiting ON dkim_key (id) WHERE state = 'waiting';
CREATE INDEX dkim_key_retired ON dkim_key (retired) WHERE state = 'retired';

-- Servers of others that take our mail. tls: none, starttls, implicit. secret: the password
-- or token of login, sealed. mechanism: '' for any that is offered, or xoauth2.
-- verify 0: any certificate will do.
CREATE TABLE relay (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    tls TEXT NOT NULL,
    verify INTEGER NOT NULL DEFAULT 1,
    login TEXT,
    secret BLOB,
    mechanism TEXT NOT NULL,
    preset TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;

-- What goes through a relay. kind: default (key ''), sender-domain and recipient-domain (key
-- is the domain), account (key is its id).
CREATE TABLE relay_use (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    relay_id INTEGER NOT NULL REFERENCES relay (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, key)
) STRICT;
CREATE INDEX relay_use_relay ON relay_use (relay_id);

-- How mail to a domain must be encrypted, whatever it publishes. mode: none, may, encrypt, verify.
CREATE TABLE tls_rule (
    domain TEXT PRIMARY KEY,
    mode TEXT NOT NULL,
    created INTEGER NOT NULL
) STRICT;
