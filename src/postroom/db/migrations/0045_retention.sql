-- Finds the mailboxes of a special use among those of all accounts.
CREATE INDEX mailbox_use ON mailbox (special_use, id) WHERE special_use IS NOT NULL;
