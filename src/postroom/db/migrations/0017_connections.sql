-- What is remembered of those who connect. Times are milliseconds.

-- Networks that get no service. doors: 'all', 'login' or 'smtp'. until 0: for good. times: how
-- often the network was banned of late; by_hand 1: by a postmaster.
CREATE TABLE ban (
    network TEXT NOT NULL,
    doors TEXT NOT NULL,
    reason TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    times INTEGER NOT NULL,
    by_hand INTEGER NOT NULL,
    PRIMARY KEY (network, doors)
) STRICT;
CREATE INDEX ban_since ON ban (since);
CREATE INDEX ban_until ON ban (until);

-- From which networks people have logged in well, under which name: bans do not stop them there.
CREATE TABLE device (
    login TEXT NOT NULL,
    network TEXT NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (login, network)
) STRICT;
CREATE INDEX device_seen ON device (seen);

-- Greylisting. who: a digest of network, sender domain and recipient, or of the first two, once
-- they have passed. asked: the first time; seen: the last; passed 0: not tried again in time yet.
CREATE TABLE greylist (
    who TEXT PRIMARY KEY,
    asked INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    passed INTEGER NOT NULL
) STRICT;
CREATE INDEX greylist_seen ON greylist (seen);
