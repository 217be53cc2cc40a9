"""Destinations that are in trouble at present, as far as this process knows.

When one after the other fails and none works, the trouble is more likely ours (no network,
no DNS): then there is no haste to try the next ones (``is_general``).
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

MOST: Final = 20_000
GENERAL: Final = 50  # that have failed in a row


class Troubles:
    """Until when each is left alone, in ms. Forgets the oldest beyond ``MOST``."""

    def __init__(
        self, told: Callable[[str, int], None] = lambda _destination, _until: None
    ) -> None:
        """``told`` learns each change: until when, 0 when all is well again."""
        self._told = told
        self._until: OrderedDict[str, int] = OrderedDict()
        self._in_a_row = 0

    @property
    def is_general(self) -> bool:
        """Nothing has worked for a while."""
        return self._in_a_row >= GENERAL

    def failed(self, destination: str, until: int) -> None:
        """None of its servers could be used."""
        self._in_a_row += 1
        self.note(destination, until)

    def note(self, destination: str, until: int) -> None:
        """Leave it alone until then."""
        self._told(destination, until)
        self._until[destination] = until
        self._until.move_to_end(destination)
        if len(self._until) > MOST:
            self._until.popitem(last=False)

    def forget(self, destination: str) -> None:
        """All is well there."""
        self._in_a_row = 0
        if self._until.pop(destination, None) is not None:
            self._told(destination, 0)

    def has(self, destination: str, now: int) -> bool:
        """Whether it is to be left alone."""
        until = self._until.get(destination)
        if until is None:
            return False
        if until <= now:
            del self._until[destination]
            return False
        return True
