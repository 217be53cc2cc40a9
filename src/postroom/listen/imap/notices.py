"""What one connection has asked NOTIFY for, and what is still to be told (RFC 5465)."""

from collections.abc import Callable

from postroom.access.watching import Watching
from postroom.protocol.imap.notify import Event, EventGroup, Watched


class Notices:
    """``selected`` is the group about the selected mailbox; None: it tells nothing unasked.

    ``watching`` looks at the other mailboxes; None: nobody asked for them.
    """

    __slots__ = ("_attend", "arrived", "has_news", "selected", "watching")

    def __init__(self, selected: EventGroup | None, attend: Callable[[], None]) -> None:
        self.selected = selected
        self.watching: Watching | None = None
        self.has_news = False
        self.arrived: list[tuple[int, int]] = []  # UIDs whose items are still to be fetched
        self._attend = attend

    def wake(self) -> None:
        """Another mailbox may have changed."""
        self.has_news = True
        self._attend()

    @property
    def tells_messages(self) -> bool:
        """Whether what comes and goes in the selected mailbox is told unasked."""
        return self.selected is not None and Event.MESSAGE_NEW in self.selected.events

    @property
    def tells_flags(self) -> bool:
        """Whether changes of flags in the selected mailbox are told unasked."""
        return self.selected is not None and Event.FLAG_CHANGE in self.selected.events

    @property
    def keeps_numbers(self) -> bool:
        """Whether expunged messages wait for a command that may tell of them."""
        return self.selected is None or self.selected.watched is Watched.SELECTED_DELAYED

    def came(self, first: int, last: int) -> None:
        """New messages were told by EXISTS; their items follow."""
        if self.selected is not None and self.selected.items and first <= last:
            self.arrived.append((first, last))

    def close(self) -> None:
        """Nobody listens any more."""
        self.arrived.clear()
        if self.watching is not None:
            self.watching.close()
            self.watching = None
