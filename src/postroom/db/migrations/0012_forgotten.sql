-- Expunges up to this MODSEQ are no longer in ``vanished`` (see store.vanished).
ALTER TABLE mailbox ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
