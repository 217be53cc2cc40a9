"""Machines that do not answer at present, as far as this process knows.

Many domains have their mail at one machine, often each under a name of its own. When it is
down, the first to find out pays the time limit of a connection; for half a minute all others
are told at once, then one of them tries again while the rest is still told. So it is kept by
address and port, whatever the name. ``troubles`` does the like for whole destinations.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

MOST: Final = 20_000
PAUSE_MS: Final = 30_000  # below the first pause of a destination, so that alone it never waits

Place = tuple[str, int]


class DeadHosts:
    """One a process. Forgets the oldest beyond ``MOST``."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._clock = clock
        self._dead: OrderedDict[Place, tuple[int, str]] = OrderedDict()  # until when, and why

    def usable(self, addresses: Iterable[str], port: int) -> tuple[str, ...]:
        """Those that may be tried, by the caller alone where a pause has just ended."""
        return tuple([one for one in addresses if self._may_try((one, port))])

    def why(self, addresses: Iterable[str], port: int) -> str:
        """Why none of them may be."""
        reasons = [
            (one, self._dead[one, port][1]) for one in addresses if (one, port) in self._dead
        ]
        return "; ".join(f"{one}: {why} a moment ago" for one, why in reasons)

    def failed(self, attempts: Sequence[tuple[str, str]], port: int) -> None:
        """Nobody answered at any of these addresses; each with the reason."""
        until = self._clock() + PAUSE_MS
        for address, why in attempts:
            self._put((address, port), until, why)
        while len(self._dead) > MOST:
            self._dead.popitem(last=False)

    def answered(self, address: str, port: int) -> None:
        """Somebody is there."""
        self._dead.pop((address, port), None)

    def forget(self, addresses: Iterable[str], port: int) -> None:
        """Whoever asks next may try them."""
        for address in addresses:
            self._dead.pop((address, port), None)

    def _may_try(self, place: Place) -> bool:
        found = self._dead.get(place)
        if found is None:
            return True
        (until, why), now = found, self._clock()
        if until - PAUSE_MS <= now < until:  # a clock that went back keeps nobody waiting
            return False
        self._put(place, now + PAUSE_MS, why)
        return True

    def _put(self, place: Place, until: int, why: str) -> None:
        self._dead[place] = until, why
        self._dead.move_to_end(place)
