-- Masked addresses: what there is to say of rows of address that were made for others to see.
-- is_off 1: mail to it is refused. uses: messages taken, the last at last_used (milliseconds).
CREATE TABLE mask (
    address_id INTEGER PRIMARY KEY REFERENCES address (id) ON DELETE CASCADE,
    account_id INTEGER NOT NULL,
    label TEXT NOT NULL,
    is_off INTEGER NOT NULL,
    created INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    last_used INTEGER
) STRICT;
CREATE INDEX mask_account ON mask (account_id, address_id);
