"""What the ManageSieve session asks its driver; each question gets one answer.

Besides these: the commands that work on scripts, ``Authenticate``, and ``Plain`` with
LISTSCRIPTS, STARTTLS or UNAUTHENTICATE.
"""

import msgspec

from postroom.protocol.managesieve.commands import Command


class Response(msgspec.Struct, frozen=True):
    """The client's decoded answer to a challenge; the same answers as ``Authenticate``."""

    octets: bytes

    def __repr__(self) -> str:
        """Without the response."""
        return "Response()"


class Rejected(msgspec.Struct, frozen=True):
    """A bad command was answered: slow down after some. Needs no answer."""

    mistakes: int


class Quit(msgspec.Struct, frozen=True):
    """Nothing more will come: send the output and close. Needs no answer."""


Event = Command | Response | Rejected | Quit
