-- What SORT and THREAD compare, by message; made when a mailbox is sorted first (store.sort_keys).
-- Texts are mapped by i;unicode-casemap. sent is NULL without a readable Date. ident is the
-- Message-ID and ancestors are the references, the parent last, as hashes of 64 bits (0: none).
CREATE TABLE sort_key (
    account_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    sent INTEGER,
    subject TEXT NOT NULL,
    is_reply INTEGER NOT NULL,
    author TEXT NOT NULL,
    recipient TEXT NOT NULL,
    copied TEXT NOT NULL,
    shown_author TEXT NOT NULL,
    shown_recipient TEXT NOT NULL,
    ident INTEGER NOT NULL,
    ancestors BLOB NOT NULL,
    PRIMARY KEY (account_id, message_id),
    FOREIGN KEY (account_id, message_id) REFERENCES message (account_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
