"""How many connections a destination gets, and when it is left alone. Pure.

The number grows by one with each batch that went well and halves with each in which the
server was busy (421, or 4yz to the connection or the sender). A destination none of whose
servers can be used is put off as a whole, longer each time; letters behind it keep their
own attempts. RFC 5321 §4.5.4.1; RFC 3463 X.4.1, X.4.5.
"""

from typing import Final, Literal

from postroom.queue.claims import Pace

Verdict = Literal["good", "busy", "dead", "unused"]

_FIRST_PAUSE: Final = 60_000  # ms
LONGEST_PAUSE: Final = 30 * 60_000
_DOUBLINGS: Final = 10


def pace(
    verdict: Verdict, *, cap: int, failures: int, most: int, now: int, chance: float, reply: str
) -> Pace | None:
    """What becomes of a destination after a batch; None: everything stays as it is.

    ``unused``: nothing was learnt of it. ``chance`` from 0 up to 1 spreads the pauses.
    """
    if verdict == "good":
        if failures == 0 and cap >= most:
            return None
        return Pace(min(most, cap + 1), 0, 0, "")
    if verdict == "busy":
        return Pace(max(1, min(cap, most) // 2), failures, now + round(5_000 * (1 + chance)), reply)
    if verdict == "dead":
        pause = min(_FIRST_PAUSE << min(failures, _DOUBLINGS), LONGEST_PAUSE)
        return Pace(1, failures + 1, now + round(pause * (0.8 + 0.4 * chance)), reply)
    return None
