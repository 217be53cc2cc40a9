-- What senders are worth; see policy.repute_rows.

-- sender: a number made of a proven address, a proven domain or a network. spam, ham: sixteenths
-- of letters, halved every 30 days. day: when last written, days since 1970.
CREATE TABLE reputation (
    sender INTEGER PRIMARY KEY,
    spam INTEGER NOT NULL,
    ham INTEGER NOT NULL,
    day INTEGER NOT NULL
) STRICT;

-- Whom accounts have written to; person is a sender as above.
CREATE TABLE correspondent (
    account_id INTEGER NOT NULL,
    person INTEGER NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (account_id, person)
) STRICT, WITHOUT ROWID;
