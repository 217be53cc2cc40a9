"""What is done to messages of a mailbox: marked, moved, deleted; to those chosen, or to all.

What was moved can be moved back: the answer says where it is now.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from postroom.access.view import View
from postroom.errors import Invalid
from postroom.store import flags as flag_words
from postroom.store.entries import FlagChange
from postroom.web.mail.reader import ARCHIVE, JUNK, TRASH, Reader

MOVES: Final = {"archive": ARCHIVE, "junk": JUNK, "trash": TRASH}
MARKS: Final = {
    "read": FlagChange("add", flag_words.SEEN),
    "unread": FlagChange("remove", flag_words.SEEN),
    "flag": FlagChange("add", flag_words.FLAGGED),
    "unflag": FlagChange("remove", flag_words.FLAGGED),
}
_GONE: Final = FlagChange("add", flag_words.DELETED)


class Moved(msgspec.Struct, frozen=True):
    """Messages that are in another mailbox now, with these UIDs."""

    box: str
    uids: Sequence[int] = ()


async def act(
    reader: Reader, box: str, uids: Sequence[int], wanted: str, target: str = ""
) -> Moved | None:
    """Do it to these messages. Raises Invalid, NotFound, NotAllowed."""
    view = await reader.view(box, read_only=False)
    ranges = [(uid, uid) for uid in sorted(set(uids)) if view.sequence_of(uid)]
    if not ranges:
        raise Invalid("choose a message first; those that were chosen are not there any more")
    if wanted in MARKS:
        await view.store(ranges, MARKS[wanted], wants_flags=False)
    elif wanted == "delete":
        await _delete(view, ranges)
    elif wanted == "move" and not target:
        raise Invalid("choose the mailbox to move to")
    elif wanted in ("move", "inbox", *MOVES):
        place = await reader.places.get(target if wanted == "move" else await _for(reader, wanted))
        if place.mailbox.id == view.mailbox_id:
            raise Invalid(f"the messages are in {place.name} already")
        return Moved(place.name, (await view.move(ranges, place)).target_uids)
    else:
        raise Invalid(f"{wanted!r} is nothing that can be done to a message")
    return None


async def act_on_all(reader: Reader, box: str, wanted: str) -> None:
    """Mark all of a mailbox as read, or delete all that is in Trash or Junk.

    What comes meanwhile stays as it is. Raises Invalid, NotFound, NotAllowed.
    """
    view = await reader.view(box, read_only=False)
    everything = [(1, view.last_uid)] if view.exists else []
    if wanted == "read":
        await view.store(everything, MARKS["read"], wants_flags=False)
    elif wanted == "empty":
        if {TRASH, JUNK}.isdisjoint(view.place.mailbox.special_uses):
            raise Invalid(f"{box} is neither trash nor junk: choose what is to be deleted in it")
        await _delete(view, everything)
    else:
        raise Invalid(f"{wanted!r} is nothing that can be done to a mailbox")


async def _delete(view: View, ranges: Sequence[tuple[int, int]]) -> None:
    view.check_removable()
    await view.store(ranges, _GONE, wants_flags=False)
    await view.expunge(ranges)


async def _for(reader: Reader, wanted: str) -> str:
    return "INBOX" if wanted == "inbox" else (await reader.for_use(MOVES[wanted])).name
