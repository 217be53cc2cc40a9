-- What mail programs have uploaded, to be put into messages (RFC 8620 §6). by_id: the account of who
-- did it, who alone may read it; blob_id is counted by blob.refs; at: UTC ms.
CREATE TABLE upload (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL,
    by_id INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    type TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX upload_by ON upload (by_id, id);
CREATE INDEX upload_account ON upload (account_id);
CREATE INDEX upload_time ON upload (at);
