-- Why a message was refused, where that matters to who releases it: malware, spam.
ALTER TABLE reject ADD COLUMN kind TEXT NOT NULL DEFAULT '';
