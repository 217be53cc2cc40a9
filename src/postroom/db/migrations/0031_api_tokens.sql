-- Tokens of programs that use the API. verifier: HMAC-SHA-256 of the token with the pepper.
-- scopes: words with commas. domain_id, account_id: all that it reaches; NULL: everything.
CREATE TABLE api_token (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    verifier BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    domain_id INTEGER REFERENCES domain (id) ON DELETE CASCADE,
    account_id INTEGER REFERENCES account (id) ON DELETE CASCADE,
    created INTEGER NOT NULL,
    expires INTEGER,
    last_used INTEGER
) STRICT;
CREATE INDEX api_token_domain ON api_token (domain_id);
CREATE INDEX api_token_account ON api_token (account_id);
