-- With the flags in them they answer alone, so that looking for unseen or deleted messages,
-- or counting them, reads no other entry of the mailbox.
DROP INDEX entry_unseen;
DROP INDEX entry_deleted;
CREATE INDEX entry_unseen ON entry (mailbox_id, uid, flags) WHERE (flags & 1) = 0;
CREATE INDEX entry_deleted ON entry (mailbox_id, uid, flags, size) WHERE (flags & 8) <> 0;
