-- chosen 0: the settings say how often, and the row goes where they say it. days 0 with chosen 1: never.
ALTER TABLE digest ADD COLUMN chosen INTEGER NOT NULL DEFAULT 1;
