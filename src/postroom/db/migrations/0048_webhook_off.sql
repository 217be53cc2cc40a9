-- 1: it is told nothing for now (letters is 0 then).
ALTER TABLE webhook ADD COLUMN is_off INTEGER NOT NULL DEFAULT 0;
