"""What holds for a message of somebody who has logged in.

Every address in its From field, and the one in Sender, has to be one that the account may
send as (as MAIL FROM has), so nobody writes in another's name. Date and Message-ID are added where they are
absent, Bcc is removed; nothing else is changed (``message.submission``).

What a URL names may be part of it (``quote``).

RFC 6409 §6.1, §8; RFC 5322 §3.6.2 (From, Sender); RFC 4468 (BURL).
"""

from typing import Final

from postroom.address import Address
from postroom.db.ids import to_text
from postroom.directory.directory import Directory
from postroom.directory.login import Identity
from postroom.intake.services import Quote, Services
from postroom.message import submission
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import Reply, reply

NOT_YOURS: Final = reply(553, "5.7.1", "That sender address does not belong to you")
NOT_GRANTED: Final = (
    "the account neither owns the address nor may send as it; see: postroom account send-as"
)


async def quote(services: Services, identity: Identity | None, url: str) -> Quote | Reply:
    """BURL: what the URL names, or why not (RFC 4468 §3.5)."""
    if services.quotes is None or identity is None:
        return replies.NOT_IMPLEMENTED
    found = await services.quotes(identity, url)
    if found is None:
        return replies.NO_SUCH_URL
    return replies.MESSAGE_TOO_BIG if 0 < services.limits.max_message < found[0] else found


async def author_fault(directory: Directory, account_id: int, head: bytes) -> Reply | None:
    """Why a message with this header block is not sent for the account."""
    found = submission.authors(head)
    if found.problem is not None:
        return reply(550, "5.6.0", found.problem)
    named = [(author, "From") for author in found.from_]
    if found.sender is not None:
        named.append((found.sender, "Sender"))
    for address, field in named:
        if not await directory.may_send_as(account_id, Address.parse(address)):
            return reply(
                550,
                "5.7.1",
                f"The address {address} in the {field} field does not belong to you;"
                " write your own there, or ask your postmaster for the right to use it",
            )
    return None


def fixed(head: bytes, *, ident: int, now: int, hostname: str) -> bytes:
    """The header block with what it lacks; ``ident`` makes its Message-ID unique."""
    return submission.prepare(head, now=now, message_id=to_text(ident), hostname=hostname).head
