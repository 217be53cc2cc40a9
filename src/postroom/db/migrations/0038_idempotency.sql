-- What programs sent through the API, to answer the same to the same key: for a day.
-- digest: SHA-256 of the request; answer: JSON, '' while it is not known.
CREATE TABLE sent_once (
    token_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    at INTEGER NOT NULL,
    digest BLOB NOT NULL,
    message_id TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (token_id, key)
) STRICT;
CREATE INDEX sent_once_at ON sent_once (at);
