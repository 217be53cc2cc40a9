-- message_quota: how many messages an account may have, 0 for no limit.
ALTER TABLE account ADD COLUMN message_quota INTEGER NOT NULL DEFAULT 0;
