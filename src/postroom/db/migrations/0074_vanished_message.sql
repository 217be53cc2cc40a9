-- Which message it was that was expunged, and its thread: RFC 8621 tells of messages by their own
-- ids. 0 in rows from before.
ALTER TABLE vanished ADD COLUMN message_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE vanished ADD COLUMN thread_id INTEGER NOT NULL DEFAULT 0;
