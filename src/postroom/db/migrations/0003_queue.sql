-- Remote deliveries that wait.

-- One row a letter with remote recipients; its id is that of its ledger row. sender, envid:
-- octets of the envelope. refs counts its deliveries. held: released by a postmaster only.
CREATE TABLE queued (
    id INTEGER PRIMARY KEY,
    blob_id INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    account_id INTEGER,
    sender BLOB NOT NULL,
    ret TEXT,
    envid BLOB,
    smtputf8 INTEGER NOT NULL,
    eightbit INTEGER NOT NULL,
    size INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    held INTEGER NOT NULL,
    refs INTEGER NOT NULL
) STRICT;

-- One narrow row a remote recipient. status: 0 waiting, 1 claimed, 2 quarantined, 3 held.
CREATE TABLE delivery (
    id INTEGER PRIMARY KEY,
    queued_id INTEGER NOT NULL,
    recipient BLOB NOT NULL,
    orcpt BLOB,
    notify TEXT,
    destination TEXT NOT NULL,
    status INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lease_node INTEGER,
    lease_epoch INTEGER,
    lease_until INTEGER,
    last_reply TEXT
) STRICT;
CREATE INDEX delivery_due ON delivery (destination, status, next_attempt);
CREATE INDEX delivery_queued ON delivery (queued_id);
-- What a claim finds again after a crash, and what waits for a person.
CREATE INDEX delivery_leased ON delivery (lease_until) WHERE status = 1;
CREATE INDEX delivery_apart ON delivery (status) WHERE status >= 2;

-- One row a destination. waiting counts its deliveries of every status, so that depths
-- cost no walk over them. Claim takes those with ready_at <= now, paused_until <= now and
-- in_flight < cap: ready_at is not later than the next_attempt of any waiting delivery
-- (a claim that finds nothing due sets it), paused_until puts a dead host off as a whole.
CREATE TABLE destination (
    name TEXT PRIMARY KEY,
    waiting INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    paused_until INTEGER NOT NULL,
    in_flight INTEGER NOT NULL,
    cap INTEGER NOT NULL,
    failures INTEGER NOT NULL
) STRICT;
CREATE INDEX destination_ready ON destination (ready_at) WHERE waiting > 0;
