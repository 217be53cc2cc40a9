"""What a session does with the next octets; the state of the dialogue is in ``states``."""

import enum
from typing import Final


class Mode(enum.Enum):
    """One at a time."""

    COMMAND = enum.auto()  # a command line is read
    ANSWER = enum.auto()  # a question waits for its answer
    CONTENT = enum.auto()  # the message of DATA or a chunk of BDAT is read
    END = enum.auto()  # the message is complete, which is not told yet
    SWALLOW = enum.auto()  # a refused chunk is read
    CHALLENGE = enum.auto()  # a response of AUTH is read
    SLOW = enum.auto()  # the driver makes a pause
    CLOSED = enum.auto()


COMMAND: Final = Mode.COMMAND  # these are looked at for every event
ANSWER: Final = Mode.ANSWER
CONTENT: Final = Mode.CONTENT
CHALLENGE: Final = Mode.CHALLENGE
CLOSED: Final = Mode.CLOSED
