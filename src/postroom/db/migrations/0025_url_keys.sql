-- The key that authorizes a person's URLs of messages in a mailbox (RFC 4467), made when the
-- first is asked for.
CREATE TABLE url_key (
    account_id INTEGER NOT NULL,
    mailbox_id INTEGER NOT NULL,
    key BLOB NOT NULL,
    PRIMARY KEY (account_id, mailbox_id)
) STRICT;
CREATE INDEX url_key_mailbox ON url_key (mailbox_id);
