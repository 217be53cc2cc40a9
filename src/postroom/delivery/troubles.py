"""Destinations that are in trouble at present, as far as this process knows."""

from collections import OrderedDict
from typing import Final

MOST: Final = 20_000


class Troubles:
    """Until when each is left alone, in ms. Forgets the oldest beyond ``MOST``."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, int] = OrderedDict()

    def note(self, destination: str, until: int) -> None:
        """Leave it alone until then."""
        self._until[destination] = until
        self._until.move_to_end(destination)
        if len(self._until) > MOST:
            self._until.popitem(last=False)

    def forget(self, destination: str) -> None:
        """All is well there."""
        self._until.pop(destination, None)

    def has(self, destination: str, now: int) -> bool:
        """Whether it is to be left alone."""
        until = self._until.get(destination)
        if until is None:
            return False
        if until <= now:
            del self._until[destination]
            return False
        return True
