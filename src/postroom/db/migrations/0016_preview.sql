-- The first words of messages (message.preview), by message; made when a client first asks.
CREATE TABLE preview (
    account_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (account_id, message_id),
    FOREIGN KEY (account_id, message_id) REFERENCES message (account_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
