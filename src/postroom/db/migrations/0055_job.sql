-- Work that takes a while. account_id: whose mail it is about, NULL: the server's. kind, wish: what to do
-- (wish: JSON). lane: of one lane one job runs at a time. machine: where its files are, '' for none.
-- secret: sealed. state: waiting, running, done, failed, stopped. held_until: before that nobody else
-- takes up a job that runs. stop 1: it is to stop. done of total: a weight. told: JSON, once it has ended.
CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    machine TEXT NOT NULL,
    title TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    wish TEXT NOT NULL,
    secret BLOB,
    state TEXT NOT NULL,
    held_until INTEGER NOT NULL,
    stop INTEGER NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    step TEXT NOT NULL,
    told TEXT NOT NULL,
    created INTEGER NOT NULL,
    ended INTEGER
) STRICT;
CREATE INDEX job_state ON job (state, held_until);
CREATE INDEX job_account ON job (account_id, id);
CREATE INDEX job_lane ON job (lane, state);
