-- Domains none of whose accounts writes where mail of one of them came back or was called spam.
CREATE TABLE suppression_sharing (
    domain_id INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX suppression_address ON suppression (address);
