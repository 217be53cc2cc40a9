-- What a domain may hold, 0: as much as anybody likes. default_quota is that of a new account,
-- max_quota the most of one, total_quota of all together, in octets.
CREATE TABLE allotment (
    domain_id INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    accounts INTEGER NOT NULL,
    aliases INTEGER NOT NULL,
    default_quota INTEGER NOT NULL,
    max_quota INTEGER NOT NULL,
    total_quota INTEGER NOT NULL
) STRICT;
