-- Codes from an app beside the password (TOTP). secret: sealed. since: NULL until a code has
-- shown that the app has it. last_step: of the latest code that was taken. failures: attempts
-- since then. opens_mail: 1 where the password alone still opens mail programs.
CREATE TABLE second_factor (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    secret BLOB NOT NULL,
    created INTEGER NOT NULL,
    since INTEGER,
    last_step INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    locked_until INTEGER NOT NULL,
    opens_mail INTEGER NOT NULL
) STRICT;

-- Each takes the place of a code once. digest: HMAC-SHA-256.
CREATE TABLE recovery_code (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    PRIMARY KEY (account_id, digest)
) STRICT;

-- How a session was begun: password, code (password and TOTP), or what further ways there are.
ALTER TABLE web_session ADD COLUMN method TEXT NOT NULL DEFAULT 'password';
