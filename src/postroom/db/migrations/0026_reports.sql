-- What was found of mail from strangers, for DMARC reports: alike messages of a day are one row.
-- published and result are JSON (mailauth.feedback).
CREATE TABLE dmarc_result (
    day INTEGER NOT NULL,
    domain TEXT NOT NULL,
    published TEXT NOT NULL,
    result TEXT NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (day, domain, published, result)
) STRICT, WITHOUT ROWID;

-- Reports that were sent: each once. kind: dmarc, tls.
CREATE TABLE report_sent (
    day INTEGER NOT NULL,
    kind TEXT NOT NULL,
    domain TEXT NOT NULL,
    PRIMARY KEY (day, kind, domain)
) STRICT, WITHOUT ROWID;

-- Reports of others on our domains. identity is a digest of kind, organization and report id;
-- begins and ends are in milliseconds; content is JSON (mailauth.feedback, mailauth.tlsrpt_read).
CREATE TABLE report (
    id INTEGER PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    domain TEXT NOT NULL,
    organization TEXT NOT NULL,
    begins INTEGER NOT NULL,
    ends INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX report_domain ON report (domain, id);
