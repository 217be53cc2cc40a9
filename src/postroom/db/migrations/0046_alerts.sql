-- Alerts that the owners were told of and that are not over. about: what of; machine: that of
-- which they tell, empty for all machines together; seen: when last, milliseconds.
CREATE TABLE alert (
    about TEXT NOT NULL,
    machine TEXT NOT NULL,
    text TEXT NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (about, machine)
) STRICT;
