-- What the spam filter knows; see policy.knowledge. account_id 0: what all have learned together.

-- Lessons of each kind. version grows with each. halving: the next slice of tokens whose counts
-- are to be halved, -1 for none.
CREATE TABLE spam_knowledge (
    account_id INTEGER PRIMARY KEY,
    spam INTEGER NOT NULL,
    ham INTEGER NOT NULL,
    version INTEGER NOT NULL,
    halving INTEGER NOT NULL
) STRICT;

-- token: 63 bits of the hash of a word and where it stood. spam, ham: in how many lessons it
-- was. lean: steps towards spam (above 0) or ham that lessons have made.
CREATE TABLE spam_token (
    account_id INTEGER NOT NULL,
    token INTEGER NOT NULL,
    spam INTEGER NOT NULL,
    ham INTEGER NOT NULL,
    lean INTEGER NOT NULL,
    PRIMARY KEY (account_id, token)
) STRICT, WITHOUT ROWID;

-- Messages that were learned, so that none counts twice. steps: what it added to lean.
CREATE TABLE spam_lesson (
    account_id INTEGER NOT NULL,
    digest BLOB NOT NULL,
    spam INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    learned INTEGER NOT NULL,
    PRIMARY KEY (account_id, digest)
) STRICT, WITHOUT ROWID;
