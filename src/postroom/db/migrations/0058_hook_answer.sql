-- The latest calls of each hook, and what they were answered. attempt: 1 is the first.
CREATE TABLE hook_answer (
    hook_id INTEGER NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    id INTEGER NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    event_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    is_good INTEGER NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (hook_id, id)
) STRICT, WITHOUT ROWID;
