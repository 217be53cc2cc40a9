-- Who logged in, and who tried to. A row: what is alike of a day, times so often.

-- day: since 1970, UTC. outcome: 'in', 'half' (the second factor was asked for), 'refused', or
-- 'untested' (too much had failed before). address: '' for further ones of a day that has many.
-- means: password, app, code, passkey, oidc, token, certificate; label: of the app password.
CREATE TABLE login (
    day INTEGER NOT NULL,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    outcome TEXT NOT NULL,
    door TEXT NOT NULL,
    address TEXT NOT NULL,
    means TEXT NOT NULL,
    label TEXT NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (day, account_id, outcome, door, address, means, label)
) STRICT, WITHOUT ROWID;
CREATE INDEX login_account ON login (account_id, day);
