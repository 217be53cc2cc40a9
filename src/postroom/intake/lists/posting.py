"""Who may post to a mailing list, and which posts wait for an owner.

The author is who stands in From: that From is not forged is for DMARC to say, before. Asked twice:
at the end of data, where the client can be refused, and when the post is handed to the list, which
it may have reached by an alias or after a while.
"""

from typing import Final

import msgspec

from postroom.address import Address
from postroom.directory import list_members, lists
from postroom.directory.directory import Directory
from postroom.directory.list_keys import SEPARATOR
from postroom.directory.lists import MailingList
from postroom.intake.arrival import Arrival
from postroom.intake.limits import MAIL_LOOP
from postroom.intake.plan import Envelope
from postroom.intake.relay import UNKNOWN
from postroom.message import list_fields, submission, trace
from postroom.protocol.smtp.replies import Reply, reply

AUTOMATIC: Final = reply(550, "5.7.1", "The mailing list takes no automatic messages")
TOO_LARGE: Final = reply(552, "5.3.4", "The message is too large for the mailing list")
MEMBERS_ONLY: Final = reply(550, "5.7.2", "Only members may post to the mailing list")
OWNERS_ONLY: Final = reply(550, "5.7.2", "Only owners may post to the mailing list")
JUNK: Final = reply(550, "5.7.1", "The message looks like spam, and the mailing list takes none")
NOT_PROVEN: Final = reply(
    550, "5.7.1", "Nothing proves that the message is from its author; write to +owner"
)
NO_AUTHOR: Final = reply(550, "5.6.0", "The message needs one From field with an address")


class Judged(msgspec.Struct, frozen=True):
    """What becomes of a post: refused, held because of something, or distributed."""

    refusal: Reply | None = None
    held: str = ""


FINE: Final = Judged()


def detail_of(address: str) -> str:
    """What stands behind the name of the list; "" for a post."""
    return address.rpartition("@")[0].partition(SEPARATOR)[2].casefold()


def size_of(arrival: Arrival) -> int:
    """Octets below the header block, to which servers on the way add nothing."""
    return arrival.stored_size - len(arrival.head)


def authors(head: bytes) -> list[Address]:
    """Who stands in From; nobody when that can't be believed."""
    return [Address.parse(one) for one in submission.authors(head).from_]


async def judge(
    directory: Directory, to: MailingList, head: bytes, sender: str, size: int
) -> Judged:
    """What becomes of a post; ``sender`` is the envelope's, ``size`` as of ``size_of``."""
    address, settings = str(to.address), to.settings
    before = {one.casefold() for one in trace.delivered_addresses(head)}
    if address.casefold() in before or list_fields.came_through(head, address):
        return Judged(MAIL_LOOP)
    if not sender or list_fields.is_automatic(head):
        return Judged(AUTOMATIC)
    if 0 < settings.max_size < size:
        return Judged(TOO_LARGE)
    found = authors(head)
    if not found:
        return Judged(NO_AUTHOR)
    roles = await directory.look(lambda tx: list_members.roles(tx, to.id, found))
    if "owner" in roles:
        return FINE
    if settings.moderation == "all":
        return Judged(held="every post does")
    if settings.posting == "anyone" or (settings.posting == "members" and "member" in roles):
        return FINE
    if settings.moderation == "others":
        return Judged(held=f"only {settings.posting} may post")
    return Judged(MEMBERS_ONLY if settings.posting == "members" else OWNERS_ONLY)


async def refused(
    directory: Directory, envelope: Envelope, arrival: Arrival, *, is_junk: bool, is_proven: bool
) -> dict[int, Reply]:
    """By their number: the lists that don't take the message, and why.

    Junk is for none of its recipients, when a list is among them: what a list once has goes to all.
    """
    found: dict[int, Reply] = {}
    for number, one in enumerate(envelope.accepted):
        if not one.list_id:
            continue
        detail = detail_of(one.address)
        if not detail and is_junk:
            return dict.fromkeys(range(len(envelope.accepted)), JUNK)
        refusal = await _refusal(directory, one.list_id, detail, envelope, arrival, is_proven)
        if refusal is not None:
            found[number] = refusal
    return found


async def _refusal(
    directory: Directory,
    list_id: int,
    detail: str,
    envelope: Envelope,
    arrival: Arrival,
    is_proven: bool,
) -> Reply | None:
    to = await directory.look(lambda tx: lists.by_id(tx, list_id))
    if to is None:
        return UNKNOWN
    if not detail:
        size = size_of(arrival)
        return (await judge(directory, to, arrival.head, envelope.sender, size)).refusal
    if detail in {"subscribe", "unsubscribe", "help"}:
        return asking_fault(arrival.head, envelope.sender, is_proven=is_proven or envelope.is_ours)
    return None


def asking_fault(head: bytes, sender: str, *, is_proven: bool) -> Reply | None:
    """Why somebody who asks something of a list is not answered.

    An answer goes to who is proven to have written, so nobody can have letters sent to others.
    """
    if not sender or list_fields.is_automatic(head):
        return AUTOMATIC
    found = authors(head)
    if len(found) != 1:
        return NO_AUTHOR
    is_same = found[0].domain == Address.parse(sender).domain
    return None if is_proven and is_same else NOT_PROVEN
