-- Whose affairs a hook is told: a domain or an account keeps its hooks when it is renamed.
-- within stays what the name was when the hook was made, and counts where both are NULL.
ALTER TABLE webhook ADD COLUMN domain_id INTEGER REFERENCES domain (id) ON DELETE SET NULL;
ALTER TABLE webhook ADD COLUMN account_id INTEGER REFERENCES account (id) ON DELETE SET NULL;
UPDATE webhook SET domain_id =
    (SELECT d.id FROM domain d WHERE d.name = webhook.within AND d.removed IS NULL);
UPDATE webhook SET account_id =
    (SELECT a.account_id FROM address a JOIN domain d ON d.id = a.domain_id
     WHERE a.live = 1 AND a.account_id IS NOT NULL AND a.written || '@' || d.name = webhook.within);
