"""Who may write to an alias: everybody, who has logged in here, or its members.

What aliases, forwards and scripts here send on to it comes from here. postmaster and abuse take
mail from everybody (RFC 5321 §4.5.1, RFC 2142). RFC 3463 §3.8 (X.7.2).
"""

from typing import Final

from postroom.address import Address
from postroom.directory.expand import Resolution
from postroom.directory.login import Identity
from postroom.directory.names import is_role
from postroom.protocol.smtp.replies import Reply, reply

_NOT_HERE: Final = reply(550, "5.7.2", "Only people of this server may write to that address")
_NO_MEMBER: Final = reply(550, "5.7.2", "Only its members may write to that address")


def refused(
    resolution: Resolution, recipient: Address | None, identity: Identity | None, *, is_ours: bool
) -> tuple[Reply, str] | None:
    """Why somebody may not write there, None when they may. ``is_ours``: the peer may relay."""
    writers = resolution.writers
    if writers == "anyone" or recipient is None or is_role(recipient.local):
        return None
    if writers == "here":
        if is_ours:
            return None
        return _NOT_HERE, "the alias is for people of this server; see: postroom alias show"
    members = resolution.holders or [one.account_id for one in resolution.local]
    if identity is not None and identity.account_id in members:
        return None
    return _NO_MEMBER, "the alias is for its members; see: postroom alias show"
