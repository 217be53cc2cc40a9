-- Domains of others that we are a backup MX for; names are A-labels.
CREATE TABLE backup_domain (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL
) STRICT;
-- 1: for such a domain, which is tried for longer.
ALTER TABLE delivery ADD COLUMN patient INTEGER NOT NULL DEFAULT 0;
