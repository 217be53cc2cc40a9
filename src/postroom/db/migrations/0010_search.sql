-- What SEARCH looks through instead of the messages; see store.textpage.

-- Every message of the account with an id up to this one is in a page, or in search_late.
ALTER TABLE usage ADD COLUMN searched INTEGER NOT NULL DEFAULT 0;

-- Some messages of an account: those with ids after the page before, up to upto.
-- octets: of all columns together. ids, signature, fields, heads, bodies: see store.textpage.
CREATE TABLE search_page (
    account_id INTEGER NOT NULL,
    upto INTEGER NOT NULL,
    letters INTEGER NOT NULL,
    octets INTEGER NOT NULL,
    ids BLOB NOT NULL,
    signature BLOB NOT NULL,
    fields BLOB NOT NULL,
    heads BLOB NOT NULL,
    bodies BLOB NOT NULL,
    PRIMARY KEY (account_id, upto)
) STRICT;
-- only postgres
ALTER TABLE search_page ALTER COLUMN fields SET STORAGE EXTERNAL;
ALTER TABLE search_page ALTER COLUMN heads SET STORAGE EXTERNAL;
ALTER TABLE search_page ALTER COLUMN bodies SET STORAGE EXTERNAL;
-- end

-- Messages whose page must be written again: they came late (gone 0), or were removed (1).
CREATE TABLE search_late (
    account_id INTEGER NOT NULL,
    message_id INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    PRIMARY KEY (account_id, message_id)
) STRICT, WITHOUT ROWID;

-- Which server writes pages: one at a time, until then (milliseconds).
CREATE TABLE search_turn (
    id INTEGER PRIMARY KEY,
    holder INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
