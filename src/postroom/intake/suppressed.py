"""Whom an account does not write to for now, and how its messages are known when they come back.

Asked of what somebody here sends, when the account heeds its list for that (``Using.covers``);
from memory as long as the list is empty, and its domain does not share those of its accounts. An address of ours is never refused for it.

RFC 5321 §3.3 (RCPT), RFC 3463 §3.8 (X.7.1), RFC 9477 §3.2 (CFBL-Feedback-ID).
"""

from typing import Final

import msgspec

from postroom.db.database import Tx
from postroom.directory import domain_suppressions, suppressions
from postroom.directory.login import Identity
from postroom.directory.suppressions import Kind, Suppressed
from postroom.intake.peer import Peer
from postroom.intake.plan import Envelope, Onward
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.message import headers
from postroom.post import suppression
from postroom.protocol.smtp.replies import Reply, reply

REASON: Final = "it is on the suppression list of the account"
MAX_SAID: Final = 150  # characters of what another server said
_WHY: Final[dict[Kind, str]] = {
    "bounce": "a message to it came back",
    "complaint": "its owner has called a message spam",
    "hand": "somebody has put it there",
}


async def refusal(
    services: Services, identity: Identity, peer: Peer, accepted: Accepted
) -> tuple[Reply, str] | None:
    """Why the account does not write to a recipient, None when it may. Raises MailError."""
    directory, account_id = services.directory, identity.account_id
    using = await directory.suppressing(account_id)
    if not (using.entries or using.shares):
        return None
    if not using.covers(peer.door, services.suppression.scope):
        return None
    if accepted.local or accepted.leads_on:
        return None
    now, address = services.clock(), accepted.address

    def read(tx: Tx) -> tuple[str, Suppressed] | None:
        own = suppressions.find(tx, account_id, address, now) if using.entries else None
        if own is not None:
            return identity.address, own
        return domain_suppressions.find(tx, using.shares, address, now) if using.shares else None

    found = await directory.look(read)
    return None if found is None else (_refusal(*found), REASON)


async def marked(
    services: Services,
    peer: Peer,
    envelope: Envelope,
    head: bytes,
    ident: int,
    onward: Onward,
) -> Onward:
    """The same with the field by which the message is known again, where the list is in use.

    A message that has such a field already keeps it: then its program looks for what comes back.
    """
    if envelope.account_id is None:
        return onward
    directory = services.directory
    using = await directory.suppressing(envelope.account_id)
    if not using.covers(peer.door, services.suppression.scope):
        return onward
    name = suppression.FIELD
    if headers.value(head, name.lower().encode()) is not None:
        return onward
    field = f"{name}: {suppression.mark(ident, directory.secrets.feedback)}\r\n"
    return msgspec.structs.replace(onward, prefix=onward.prefix + field.encode())


def _refusal(whose: str, found: Suppressed) -> Reply:
    since = suppression.moment(found.at)[:10]
    said = f" ({found.reason[:MAX_SAID]})" if found.reason else ""
    until = f", until {suppression.moment(found.until)[:10]}" if found.until else ""
    return reply(
        550,
        "5.7.1",
        f"{found.address} is on the suppression list of {whose} since {since}{until}:"
        f" {_WHY[found.kind]}{said}; to write there again, take it off the list:"
        f" postroom suppression remove {whose} {found.address}",
    )
