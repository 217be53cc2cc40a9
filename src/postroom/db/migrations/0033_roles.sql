-- Who administers single domains. Owners (account.is_admin) stand in no row here.
CREATE TABLE domain_admin (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    domain_id INTEGER NOT NULL REFERENCES domain (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, domain_id)
) STRICT;
CREATE INDEX domain_admin_domain ON domain_admin (domain_id);
-- The letters that people of a domain wait for; relayed ones are in no account's name.
CREATE INDEX queued_account ON queued (account_id, id) WHERE account_id IS NOT NULL;
