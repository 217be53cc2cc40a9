-- Senders that an account never wants (list 'block') and whose mail is never junk ('allow').
-- pattern: an address without case, a domain in A-labels, or '*.' and a domain: what is below it.
CREATE TABLE sender_rule (
    account_id INTEGER NOT NULL,
    pattern TEXT NOT NULL,
    list TEXT NOT NULL,
    PRIMARY KEY (account_id, pattern)
) STRICT;
