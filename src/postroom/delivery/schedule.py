"""When a delivery is tried again, and when that ends. Pure: time and chance are arguments.

The first wait is ``first_retry``; each one after it twice as long, up to ``longest_retry``,
each a fifth shorter or longer by chance, so that what failed together does not come back
together. Patience is counted from when the message was to go (RFC 5321 §4.5.4.1).
"""

from typing import Final

import msgspec

SPREAD: Final = 0.2
_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE
_DOUBLINGS: Final = 30  # more would be longer than any longest wait


class Schedule(msgspec.Struct, frozen=True):
    """All in milliseconds. ``delay_notice`` 0: the sender is not told of a delay."""

    first_retry: int = 5 * _MINUTE
    longest_retry: int = 4 * _HOUR
    delay_notice: int = 4 * _HOUR
    give_up: int = 120 * _HOUR
    backup_give_up: int = 720 * _HOUR

    def patience(self, *, patient: bool) -> int:
        """How long a delivery is tried; ``patient``: as a backup MX."""
        return max(self.give_up, self.backup_give_up) if patient else self.give_up


def wait(schedule: Schedule, attempts: int, chance: float) -> int:
    """How long to wait after so many failed attempts (at least one).

    ``chance`` is from 0 up to 1.
    """
    doubled = schedule.first_retry << min(max(0, attempts - 1), _DOUBLINGS)
    return round(min(doubled, schedule.longest_retry) * (1 - SPREAD + 2 * SPREAD * chance))


def next_attempt(
    schedule: Schedule,
    *,
    due: int,
    attempts: int,
    now: int,
    chance: float,
    patient: bool = False,
) -> int | None:
    """When to try again after so many failed attempts; None: it is time to give up.

    The last attempt is made at the very end of the patience, not one wait before it. When so few
    attempts can't have taken so long, the clock may have jumped: then there is another one, and
    whether the patience is at its end is found by age, with more care (``clerk``).
    """
    end = due + schedule.patience(patient=patient)
    again = now + wait(schedule, attempts, chance)
    if now < end:
        return min(again, end)
    return None if now - due <= _span(schedule, attempts) else again


def _span(schedule: Schedule, attempts: int) -> int:
    """What so many attempts may take, twice as long as they take by themselves."""
    doublings = min(attempts, _DOUBLINGS)
    waits = sum(wait(schedule, number, 1) for number in range(1, doublings + 1))
    return 2 * (waits + (attempts - doublings) * wait(schedule, attempts, 1))


def is_late(schedule: Schedule, *, due: int, now: int) -> bool:
    """Whether the sender should be told by now that the message is late."""
    return schedule.delay_notice > 0 and now >= due + schedule.delay_notice
