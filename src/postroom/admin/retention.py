r"""Retention: Junk and Trash of every account are emptied of what has been there for long.

A mailbox with both uses keeps its messages for the longer time; one that has another use
besides (\Archive, say) is never emptied. RFC 6154.
"""

from typing import Final

from postroom.admin.office import Office
from postroom.config.retention import Retention
from postroom.store import expiry
from postroom.telemetry import sink
from postroom.telemetry.events import MessagesExpired

DAY_MS: Final = 86_400_000
JUNK: Final = "\\Junk"
TRASH: Final = "\\Trash"


async def expire(office: Office) -> int:
    """Expunge everything whose time is over, mailbox by mailbox; how many messages went."""
    removed = 0
    for special_use, days in periods(office.config.retention).items():
        if days:
            removed += await _expire(office, special_use, office.now() - days * DAY_MS)
    if removed:
        sink.emit(MessagesExpired(messages=removed))
    return removed


def periods(retention: Retention) -> dict[str, int]:
    """Days by the special uses of a mailbox, as they are written; 0: never."""
    junk, trash = retention.junk_days, retention.trash_days
    both = max(junk, trash) if junk and trash else 0
    return {JUNK: junk, TRASH: trash, f"{JUNK} {TRASH}": both, f"{TRASH} {JUNK}": both}


async def _expire(office: Office, special_use: str, before: int) -> int:
    removed = after = 0
    while True:
        found, after = await office.store.read(expiry.overdue, special_use, before, after)
        for order in found:
            removed += await office.store.expire(order)
        if not after:
            return removed
