"""Token buckets by key: so much in so long, in bounded memory.

A bucket holds ``most`` tokens and fills evenly within ``period``. All that is kept of one is
the time at which it will be full again (the virtual scheduling of GCRA), and nothing of a full
one; the bucket not used for longest goes first. Time is an argument, in milliseconds.
"""

from collections import OrderedDict
from typing import Final

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
MAX_KEYS: Final = 20_000


class Buckets:
    """All buckets of one kind. ``most`` 0: nothing is counted, and there is always one more."""

    __slots__ = ("_full_at", "_most", "_period", "_step")

    def __init__(self, most: int, period: int) -> None:
        """``period`` in milliseconds."""
        self._most = most
        self._period = period
        self._step = period / most if most else 0.0
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def has(self, key: str, now: int) -> bool:
        """Whether there is one more; none is taken."""
        if key not in self._full_at:
            return True
        since = self._full_at[key] = self._at(key, now)
        return since + self._step - now <= self._period

    def take(self, key: str, now: int, tokens: int = 1) -> bool:
        """Take so many tokens; False, and none are taken, when there are not so many."""
        if not self._most:
            return True
        since = self._at(key, now)
        full_at = since + tokens * self._step
        if full_at - now > self._period:
            if key in self._full_at:
                self._full_at[key] = since
            return False
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > MAX_KEYS:
            self._full_at.popitem(last=False)
        return True

    def give_back(self, key: str, now: int, tokens: int = 1) -> None:
        """Put tokens back; a bucket is never more than full."""
        if key not in self._full_at:
            return
        full_at = self._at(key, now) - tokens * self._step
        if full_at <= now:
            del self._full_at[key]
        else:
            self._full_at[key] = full_at

    def _at(self, key: str, now: int) -> float:
        """When the bucket is full, at the earliest now; at the latest after a whole period.

        It can only be later when the clock was set back.
        """
        return min(max(self._full_at.get(key, now), now), now + self._period)
