"""``postroom`` in a network that a test chooses: ``python -m tests.cli.world FACTS ARGUMENT..``.

FACTS is the JSON of what is to be seen outside this machine. On a terminal the program takes it over,
so that Ctrl-C reaches it as it would from a shell.
"""

import contextlib
import fcntl
import sys
import termios

import msgspec

from postroom.admin import facts
from postroom.admin.facts import Fact, Place, Reach
from postroom.cli.main import main

OPEN = [Fact("outgoing port 25", "good", "open")]
CLOSED = [Fact("outgoing port 25", "bad", "closed")]


def encoded(found: list[Fact]) -> str:
    """FACTS."""
    return msgspec.json.encode(found).decode()


def _take_over() -> None:
    found = msgspec.json.decode(sys.argv.pop(1), type=list[Fact])

    async def outside(place: Place, reach: Reach) -> list[Fact]:
        return found

    facts.outside = outside
    with contextlib.suppress(OSError):  # no terminal
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


if __name__ == "__main__":
    _take_over()
    main()
