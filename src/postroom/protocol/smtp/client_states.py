"""The automaton of a client: what it may be told when, and what a server may answer.

``LEGAL`` says in which phases a driver may call what; all else is the driver's fault.
``WANTED`` are the positive codes that answer a command; 4yz and 5yz may answer any, 421 at
any moment; all else is the server's fault.

RFC 5321 §4.3.2 (sequencing of commands and replies), RFC 4954 §4, RFC 3207 §4.
"""

import enum
from collections.abc import Container, Mapping
from typing import Final, Literal


class Phase(enum.Enum):
    """Where a session stands."""

    __hash__ = object.__hash__  # looked up for every reply; that of Enum is in Python

    CONNECTED = enum.auto()  # the greeting has not come
    GREETED = enum.auto()
    HELLO = enum.auto()  # EHLO, LHLO or HELO waits for its answer
    READY = enum.auto()  # transactions
    TLS = enum.auto()  # STARTTLS waits for its answer
    HANDSHAKE = enum.auto()  # nothing may come but TLS
    AUTH = enum.auto()
    REFUSED = enum.auto()  # QUIT is all that is left
    QUIT = enum.auto()
    CLOSED = enum.auto()


class Wait(enum.Enum):
    """What a server is to answer next; each has its time limit (RFC 5321 §4.5.3.2)."""

    __hash__ = object.__hash__  # see ``Phase``

    GREETING = enum.auto()
    HELLO = enum.auto()
    STARTTLS = enum.auto()
    AUTH = enum.auto()
    CANCEL = enum.auto()  # "*", the end of AUTH
    MAIL = enum.auto()
    RCPT = enum.auto()
    DATA = enum.auto()
    END = enum.auto()  # the dot
    NOTHING = enum.auto()  # the dot after a 354 that should not have come
    CHUNK = enum.auto()  # BDAT LAST with its chunk
    RSET = enum.auto()
    QUIT = enum.auto()


Call = Literal["hello", "start_tls", "tls_started", "authenticate", "send", "quit"]

LEGAL: Final[Mapping[Call, frozenset[Phase]]] = {
    "hello": frozenset({Phase.GREETED}),
    "start_tls": frozenset({Phase.READY}),
    "tls_started": frozenset({Phase.HANDSHAKE}),
    "authenticate": frozenset({Phase.READY}),
    "send": frozenset({Phase.READY}),
    "quit": frozenset({Phase.GREETED, Phase.READY, Phase.REFUSED}),
}

_DONE: Final = range(200, 300)

WANTED: Final[Mapping[Wait, Container[int]]] = {
    Wait.GREETING: (220,),
    Wait.HELLO: _DONE,
    Wait.STARTTLS: (220,),
    Wait.AUTH: (235, 334),
    Wait.CANCEL: (),
    Wait.MAIL: _DONE,
    Wait.RCPT: _DONE,
    Wait.DATA: (354,),
    Wait.END: _DONE,
    Wait.NOTHING: _DONE,
    Wait.CHUNK: _DONE,
    Wait.RSET: _DONE,
    Wait.QUIT: range(200, 400),
}
