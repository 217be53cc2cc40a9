-- Browsers in which somebody has logged in before. digest: of what the browser keeps for it.
CREATE TABLE web_device (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (account_id, digest)
) STRICT;

-- The list of all sessions, the newest first.
CREATE INDEX web_session_created ON web_session (created);
