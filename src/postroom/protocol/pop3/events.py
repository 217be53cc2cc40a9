"""What the POP3 session asks its driver; each question gets one answer."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Login:
    """USER and PASS: answer with ``opened`` or ``refuse``."""

    name: str
    password: str


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTH: answer with ``challenge``, ``opened`` or ``refuse``.

    ``initial`` is decoded; None when the client sent none (RFC 5034 §4).
    """

    mechanism: str
    initial: bytes | None


@dataclass(frozen=True, slots=True)
class Response:
    """The client's decoded answer to a challenge; the same answers as ``Authenticate``."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """The +OK is in the output: send it, do the handshake, then ``secured``."""


@dataclass(frozen=True, slots=True)
class Retrieve:
    """Send message ``index`` (from 0): ``begin_content``, ``content``.., ``end_content``.

    ``session.content_is_complete`` says when TOP has enough. ``refuse`` when it can't be had.
    """

    index: int


@dataclass(frozen=True, slots=True)
class Update:
    """QUIT in the transaction state: delete these messages, then ``updated``."""

    indexes: Sequence[int]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A bad command was answered: slow down after some. Needs no answer."""

    mistakes: int


@dataclass(frozen=True, slots=True)
class Quit:
    """Nothing more will come: send the output and close. Needs no answer."""


Event = Login | Authenticate | Response | StartTls | Retrieve | Update | Rejected | Quit
