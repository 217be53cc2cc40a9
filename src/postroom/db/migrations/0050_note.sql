-- What the server has measured and goes on from: a blocklist's answers, what was told last. One row
-- a name; at: when, milliseconds; content: JSON.
CREATE TABLE note (
    name TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    content TEXT NOT NULL
) STRICT;
