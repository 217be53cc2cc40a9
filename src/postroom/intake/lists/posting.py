"""Who may post to a mailing list, and which posts wait for an owner.

The author is who stands in From: that From is not forged is for DMARC to say, before. Asked twice:
at the end of data, where the client can be refused, and when the post is handed to the list, which
it may have reached by an alias or after a while.
"""

from typing import Final

import msgspec

from postroom.address import Address
from postroom.directory import list_keys, list_members, lists
from postroom.directory.directory import Directory
from postroom.directory.list_keys import SEPARATOR, Wish
from postroom.directory.lists import MailingList
from postroom.intake.arrival import Arrival
from postroom.intake.limits import MAIL_LOOP
from postroom.intake.plan import Envelope
from postroom.intake.relay import UNKNOWN
from postroom.intake.services import Services
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
CLOSED: Final = reply(550, "5.7.2", "Only owners put people into the mailing list")
NOT_CONFIRMED: Final = reply(
    550, "5.7.1", "That confirms nothing for its author, or is too old; ask once more"
)
_DAY_MS: Final = 24 * 3600 * 1000
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
    services: Services, envelope: Envelope, arrival: Arrival, *, is_junk: bool, is_proven: bool
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
        is_theirs = is_proven or envelope.is_ours
        refusal = await _refusal(
            services, one.list_id, detail, envelope.sender, arrival, is_proven=is_theirs
        )
        if refusal is not None:
            found[number] = refusal
    return found


async def _refusal(
    services: Services,
    list_id: int,
    detail: str,
    sender: str,
    arrival: Arrival,
    *,
    is_proven: bool,
) -> Reply | None:
    directory, head = services.directory, arrival.head
    to = await directory.look(lambda tx: lists.by_id(tx, list_id))
    if to is None:
        return UNKNOWN
    if not detail:
        return (await judge(directory, to, head, sender, size_of(arrival))).refusal
    if detail in {"subscribe", "unsubscribe", "help"}:
        return asking_fault(to, detail, head, sender, is_proven=is_proven)
    key = directory.secrets.srs
    if detail.startswith("confirm-"):
        wish = wish_of(to, head, detail, key, services.clock())
        return wish if isinstance(wish, Reply) else None
    match list_keys.opened(detail, key):
        case ("leave", _):
            return None
        case ("bounce", _) if not sender:
            return None
        case _:  # what is only in our own queue among it
            return UNKNOWN


def wish_of(of: MailingList, head: bytes, detail: str, key: bytes, now: int) -> Wish | Reply:
    """What the author of an answer to a confirmation wishes, or why it confirms nothing."""
    found = authors(head)
    if len(found) != 1:
        return NO_AUTHOR
    if list_fields.is_automatic(head):
        return AUTOMATIC
    wish = list_keys.confirmed(detail, of.id, str(found[0]), key, now // _DAY_MS)
    if wish is None:
        return NOT_CONFIRMED
    return CLOSED if wish == "subscribe" and of.settings.subscribing == "closed" else wish


def asking_fault(
    of: MailingList, detail: str, head: bytes, sender: str, *, is_proven: bool
) -> Reply | None:
    """Why somebody who asks something of a list is not answered.

    An answer goes to who is proven to have written, so nobody can have letters sent to others.
    """
    if not sender or list_fields.is_automatic(head):
        return AUTOMATIC
    found = authors(head)
    if len(found) != 1:
        return NO_AUTHOR
    if not is_proven or found[0].domain != Address.parse(sender).domain:
        return NOT_PROVEN
    is_closed = detail == "subscribe" and of.settings.subscribing == "closed"
    return CLOSED if is_closed else None
