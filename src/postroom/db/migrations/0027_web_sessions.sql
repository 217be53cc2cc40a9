-- Who is logged in to the web pages. token: SHA-256 of what the browser holds.
CREATE TABLE web_session (
    token BLOB PRIMARY KEY,
    account_id INTEGER NOT NULL,
    credential_id INTEGER NOT NULL,
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    peer TEXT NOT NULL,
    agent TEXT NOT NULL
) STRICT;
CREATE INDEX web_session_account ON web_session (account_id);
