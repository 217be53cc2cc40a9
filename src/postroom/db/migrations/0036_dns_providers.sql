-- Who keeps zones of ours and lets us change them (zones: separated by spaces; secret: sealed).
CREATE TABLE dns_provider (
    name TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    zones TEXT NOT NULL,
    server TEXT NOT NULL,
    key_name TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    authorities TEXT NOT NULL,
    created INTEGER NOT NULL,
    secret BLOB NOT NULL
) STRICT;
