-- Where a copy of every message to or from a domain goes, as an envelope journal report.
CREATE TABLE journal (
    domain_id INTEGER PRIMARY KEY REFERENCES domain (id) ON DELETE CASCADE,
    local TEXT NOT NULL,
    domain TEXT NOT NULL
) STRICT;
CREATE INDEX journal_address ON journal (domain);
