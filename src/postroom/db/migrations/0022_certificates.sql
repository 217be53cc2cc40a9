-- Certificates from an authority (names: separated by spaces), our accounts there, and the
-- answers to challenges that stand at the moment.
CREATE TABLE certificate (
    name TEXT PRIMARY KEY,
    names TEXT NOT NULL,
    key BLOB NOT NULL,
    chain TEXT NOT NULL,
    issued INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    due INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    problem TEXT NOT NULL
) STRICT;
CREATE TABLE acme_account (
    directory TEXT PRIMARY KEY,
    key BLOB NOT NULL,
    url TEXT NOT NULL
) STRICT;
CREATE TABLE acme_challenge (
    token TEXT PRIMARY KEY,
    answer TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
