-- What was learnt of other domains' wishes for TLS, and how that went.

-- policy: what mailauth.sts remembers, as JSON. expires: ms, then the row may go.
CREATE TABLE sts_policy (
    domain TEXT PRIMARY KEY,
    policy BLOB NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
CREATE INDEX sts_policy_expires ON sts_policy (expires);

-- One row a day (UTC days since 1970), domain, policy and kind of result: for TLS reports
-- (RFC 8460). policy and failure are JSON; failure '' counts sessions that went well.
CREATE TABLE tls_result (
    day INTEGER NOT NULL,
    domain TEXT NOT NULL,
    policy TEXT NOT NULL,
    failure TEXT NOT NULL,
    sessions INTEGER NOT NULL,
    PRIMARY KEY (day, domain, policy, failure)
) STRICT, WITHOUT ROWID;
