-- The highest MODSEQ of the entries, or of what members have seen of them, in each block of 512
-- UIDs (block: uid / 512). In place of indexes on MODSEQ, which every change of flags moved.
CREATE TABLE entry_block (
    mailbox_id INTEGER NOT NULL REFERENCES mailbox (id),
    block INTEGER NOT NULL,
    modseq INTEGER NOT NULL,
    PRIMARY KEY (mailbox_id, block)
) STRICT, WITHOUT ROWID;
INSERT INTO entry_block (mailbox_id, block, modseq)
SELECT mailbox_id, uid / 512, max(modseq) FROM entry GROUP BY mailbox_id, uid / 512;
UPDATE entry_block SET modseq = s.modseq
FROM (
    SELECT mailbox_id, uid / 512 AS block, max(modseq) AS modseq
    FROM seen GROUP BY mailbox_id, uid / 512
) AS s
WHERE entry_block.mailbox_id = s.mailbox_id AND entry_block.block = s.block
AND entry_block.modseq < s.modseq;
DROP INDEX entry_modseq;
DROP INDEX seen_modseq;
