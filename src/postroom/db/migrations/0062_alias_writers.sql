-- writers: who may write to the alias: anyone, here (who has logged in), members.
ALTER TABLE alias ADD COLUMN writers TEXT NOT NULL DEFAULT 'anyone';

-- is_pattern: an alias with "*" in its name, which stands for every name like it.
ALTER TABLE address ADD COLUMN is_pattern INTEGER NOT NULL DEFAULT 0;
CREATE INDEX address_pattern ON address (domain_id) WHERE is_pattern = 1 AND live = 1;
