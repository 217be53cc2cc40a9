-- Mailing lists. A list is an alias without targets: its name is one of the name space.
-- posting: who may post: anyone, members, owners. moderation: what waits for an owner: none,
-- others (posts of those who may not post, refused otherwise), all (but those of owners).
-- subscribing: open (with a letter to confirm), closed. max_size: octets of a post, 0 any.
CREATE TABLE mailing_list (
    alias_id INTEGER PRIMARY KEY REFERENCES alias (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    posting TEXT NOT NULL,
    moderation TEXT NOT NULL,
    subscribing TEXT NOT NULL,
    own_copy INTEGER NOT NULL,
    max_size INTEGER NOT NULL
) STRICT;

-- role: member, owner (who need be no member), archive (an address here that gets every post).
-- folded as in alias_target; key: the address by which somebody is in the list once.
-- bounces: days on which post to a member came back; bounced: the last of them, in
-- milliseconds; suspended: 1 when it was too many of them, or when an owner said so.
CREATE TABLE list_member (
    id INTEGER PRIMARY KEY,
    alias_id INTEGER NOT NULL REFERENCES mailing_list (alias_id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    local TEXT NOT NULL,
    domain TEXT NOT NULL,
    folded TEXT NOT NULL,
    key TEXT NOT NULL,
    added INTEGER NOT NULL,
    suspended INTEGER NOT NULL,
    bounces INTEGER NOT NULL,
    bounced INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX list_member_key ON list_member (alias_id, role, key);
CREATE INDEX list_member_order ON list_member (alias_id, id);
CREATE INDEX list_member_name ON list_member (domain, folded);
