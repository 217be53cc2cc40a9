-- Several servers on one database.

-- One row a number of ids. Its holder of this epoch makes ids below the millisecond until
-- only, the next one from there on: they never meet, whatever their clocks say.
CREATE TABLE node (
    number INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- What data folders on one database must have in common: digests of keys.
CREATE TABLE fingerprint (
    name TEXT PRIMARY KEY,
    digest BLOB NOT NULL
) STRICT;

-- Always empty: on PostgreSQL its lock says who writes alone (see db.postgres).
CREATE TABLE turn (
    held INTEGER NOT NULL
) STRICT;
