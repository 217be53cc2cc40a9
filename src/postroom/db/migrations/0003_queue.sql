-- Remote deliveries that wait.

-- One row a letter with remote recipients; its id is that of its ledger row. sender, envid:
-- octets of the envelope. prefix: lines of ours before the blob. due: not tried before, and
-- the time from which patience is counted. origin: 0 a stranger's letter that is forwarded,
-- 1 the same with a sender who was verified, 2 ours. held: released by a postmaster only.
-- crashes: how often a process died while it worked on this letter.
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
    requiretls INTEGER NOT NULL,
    size INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    due INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    held INTEGER NOT NULL,
    crashes INTEGER NOT NULL
) STRICT;

-- One narrow row a remote recipient. status: 0 waiting, 1 claimed, 2 quarantined, 3 held.
-- priority: 0 first, 1 normal, 2 bulk. warned: 1 once its sender was told of the delay.
-- route: NULL as configured, else where a postmaster sent it. lease: of the worker that has it.
CREATE TABLE delivery (
    queued_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    recipient BLOB NOT NULL,
    orcpt BLOB,
    notify TEXT,
    destination TEXT NOT NULL,
    status INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    warned INTEGER NOT NULL,
    route TEXT,
    lease INTEGER,
    last_reply TEXT,
    PRIMARY KEY (queued_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (destination, priority, next_attempt) WHERE status = 0;
-- What is found again after a crash, and what waits for a person.
CREATE INDEX delivery_leased ON delivery (lease) WHERE lease IS NOT NULL;
CREATE INDEX delivery_apart ON delivery (status) WHERE status >= 2;

-- One row a batch that a worker has: deliveries to one destination. A worker that lives
-- puts until off; what it left behind is claimed again afterwards.
CREATE TABLE lease (
    id INTEGER PRIMARY KEY,
    destination TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX lease_destination ON lease (destination);

-- One row a destination. waiting counts its deliveries of every status, so that depths
-- cost no walk over them. A claim takes those with ready_at <= now, paused_until <= now and
-- fewer than cap leases: ready_at is not later than the next_attempt of any waiting delivery
-- (a claim sets it anew), paused_until puts a dead host off as a whole.
CREATE TABLE destination (
    name TEXT PRIMARY KEY,
    waiting INTEGER NOT NULL,
    ready_at INTEGER NOT NULL,
    paused_until INTEGER NOT NULL,
    cap INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    last_reply TEXT
) STRICT;
CREATE INDEX destination_ready ON destination (ready_at, name) WHERE waiting > 0 AND failures = 0;
CREATE INDEX destination_failing ON destination (paused_until, name) WHERE waiting > 0 AND failures > 0;

-- Letters with ids below were looked at for a notice of delay.
CREATE TABLE queue_mark (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
