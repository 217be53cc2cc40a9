-- How often copies of messages name them besides message.refs: a copy of a whole mailbox would
-- write every message anew to count in its row, which is long. Rows with 0 are dropped at once.
CREATE TABLE message_copies (
    account_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    refs INTEGER NOT NULL,
    PRIMARY KEY (account_id, message_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_copies_spent ON message_copies (account_id) WHERE refs <= 0;
