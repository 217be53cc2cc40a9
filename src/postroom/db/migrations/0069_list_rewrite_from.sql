-- Which posts of a mailing list get the list in From: dmarc (those whose From would not be proven to
-- members, of domains that want such messages refused or put aside), never, always.
ALTER TABLE mailing_list ADD COLUMN rewrite_from TEXT NOT NULL DEFAULT 'dmarc';
