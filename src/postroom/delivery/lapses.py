"""Leases that have run out by the clock: whether their holders are dead.

The clocks of two servers differ, and a clock that is set, or a machine that slept, makes any lease
look old. Who lives renews, so a lease is given up when nobody has touched it for longer than that
takes, by a clock that nobody sets. Pure: times are arguments.
"""

from collections.abc import Mapping


class Lapses:
    """What was seen of them. Times in milliseconds."""

    def __init__(self, wait: int) -> None:
        """``wait``: longer than a holder that lives lets pass before it renews."""
        self._wait = wait
        self._seen: dict[int, tuple[int, int]] = {}

    def dead(self, lapsed: Mapping[int, int], steady: int) -> dict[int, int]:
        """Of the leases that have run out, with their ends, those that nobody renews any more."""
        seen: dict[int, tuple[int, int]] = {}
        for lease, until in lapsed.items():
            before = self._seen.get(lease)
            is_same = before is not None and before[0] == until
            seen[lease] = before if before is not None and is_same else (until, steady)
        self._seen = seen
        return {
            lease: until for lease, (until, since) in seen.items() if steady - since >= self._wait
        }
