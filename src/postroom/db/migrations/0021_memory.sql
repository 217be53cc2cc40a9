-- What Sieve scripts remember until a time (milliseconds). digest: SHA-256 of the key.
CREATE TABLE memory (
    account_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (account_id, digest)
) STRICT;
CREATE INDEX memory_until ON memory (until);
