-- How many more steps towards spam than towards ham the lessons of a scope have made.
ALTER TABLE spam_knowledge ADD COLUMN tilt INTEGER NOT NULL DEFAULT 0;
