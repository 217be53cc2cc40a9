-- Passkeys. credential: what the authenticator calls it; material: its public key and where it
-- comes from (attested credential data, WebAuthn). host: the name that it was made at, and works
-- at. counter: of signatures, 0 where the authenticator counts none.
CREATE TABLE passkey (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    credential BLOB NOT NULL UNIQUE,
    material BLOB NOT NULL,
    host TEXT NOT NULL,
    label TEXT NOT NULL,
    counter INTEGER NOT NULL,
    created INTEGER NOT NULL,
    last_used INTEGER
) STRICT;
CREATE INDEX passkey_account ON passkey (account_id);

-- Challenges of logins that were answered well: none counts twice.
CREATE TABLE spent_challenge (
    digest BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT;
