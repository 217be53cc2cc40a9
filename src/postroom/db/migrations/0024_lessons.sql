-- How spam is learned; see policy.lessons.

-- What an account has chosen of the filter: off, lenient, strict; '' as all have it.
ALTER TABLE spam_knowledge ADD COLUMN level TEXT NOT NULL DEFAULT '';

-- Messages that people have moved into Junk (spam 1) or out of it (0), until they are learned.
CREATE TABLE spam_waiting (
    account_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    spam INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    PRIMARY KEY (account_id, message_id)
) STRICT, WITHOUT ROWID;
