-- Changes of flags that the entries of a whole block (512 UIDs, as in entry_block) have got at once
-- and their rows do not hold yet: those with a MODSEQ below since have these bits of the mask.
-- whole: 1 each of them has changed with this MODSEQ, 0 those whose own bits are different.
CREATE TABLE entry_sweep (
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    block INTEGER NOT NULL,
    since INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    mask INTEGER NOT NULL,
    bits INTEGER NOT NULL,
    whole INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, block)
) STRICT, WITHOUT ROWID;
