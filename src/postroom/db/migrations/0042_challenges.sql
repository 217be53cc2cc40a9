-- How the answer to a challenge is given; the key that a certificate changes to, and from when on
-- (0: not known yet); how its names were proven the last time.
ALTER TABLE acme_challenge ADD COLUMN kind TEXT NOT NULL DEFAULT 'http-01';
ALTER TABLE certificate ADD COLUMN next_key BLOB;
ALTER TABLE certificate ADD COLUMN next_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE certificate ADD COLUMN way TEXT NOT NULL DEFAULT '';
