-- What imports have brought, so that a repeated run files nothing twice. identity: 16 octets of
-- a hash of where a message was and what it is. copies: how many alike were filed. run: the last
-- import that met it (an id), and seen: how many alike it has met.
CREATE TABLE imported (
    account_id INTEGER NOT NULL,
    identity BLOB NOT NULL,
    copies INTEGER NOT NULL,
    run INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (account_id, identity)
) STRICT, WITHOUT ROWID;
