"""The automaton: which command is legal in which state, and where it leads.

A pair that is missing is 503. The state on the right is reached when the command is
answered with success; VRFY, EXPN, HELP, NOOP and VERB never change it. After a chunk of
BDAT or BURL was refused only RSET, a new greeting or QUIT help (RFC 3030 §2, RFC 4468 §3.2).

RFC 5321 §4.1.4 (order of commands), RFC 4954 §4 (AUTH never within a transaction).
"""

import enum
from collections.abc import Mapping
from typing import Final

from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import (
    Auth,
    Bdat,
    Burl,
    Command,
    Data,
    Ehlo,
    Expn,
    Helo,
    Help,
    Lhlo,
    Mail,
    Noop,
    Quit,
    Rcpt,
    Rset,
    StartTls,
    Verb,
    Vrfy,
)
from postroom.protocol.smtp.replies import Reply


class State(enum.IntEnum):
    """Where a session stands."""

    CONNECTED = enum.auto()  # no EHLO yet
    READY = enum.auto()  # no transaction
    SENDER = enum.auto()  # MAIL was accepted
    RECIPIENTS = enum.auto()  # at least one RCPT was accepted
    CONTENT = enum.auto()  # DATA: the message is read
    CHUNKS = enum.auto()  # BDAT, BURL: some of the message has come
    FAILED = enum.auto()  # a chunk was refused
    CLOSED = enum.auto()


NEUTRAL: Final = (Help, Noop, Vrfy, Expn, Verb)
_HELLO: Final = (Ehlo, Helo, Lhlo)
_NOT_LMTP: Final = (Ehlo, Helo)
_NOT_SMTP: Final = (Lhlo,)
WAITS: Final = frozenset({Ehlo, Helo, Lhlo, Data, StartTls})
"""Nothing may be sent behind these before they are answered (RFC 2920 §3.1)."""

JUNK: Final = frozenset({*NEUTRAL, Rset, *_HELLO})
"""They bring no message, and so many come without one."""

OFTEN: Final = (Rcpt, Mail, Data)
"""Of these every message has one."""

Row = Mapping[type[Command], State]


def _row(state: State, after_rset: State, further: Row) -> Row:
    return {
        **dict.fromkeys(NEUTRAL, state),
        **dict.fromkeys(_HELLO, State.READY),
        Rset: after_rset,
        Quit: State.CLOSED,
        **further,
    }


TRANSITIONS: Final[Mapping[State, Row]] = {
    State.CONNECTED: _row(State.CONNECTED, State.CONNECTED, {}),
    State.READY: _row(
        State.READY,
        State.READY,
        {Mail: State.SENDER, Auth: State.READY, StartTls: State.CONNECTED},
    ),
    State.SENDER: _row(State.SENDER, State.READY, {Rcpt: State.RECIPIENTS}),
    State.RECIPIENTS: _row(
        State.RECIPIENTS,
        State.READY,
        {
            Rcpt: State.RECIPIENTS,
            Data: State.CONTENT,
            Bdat: State.CHUNKS,
            Burl: State.CHUNKS,
        },
    ),
    State.CONTENT: {},
    State.CHUNKS: _row(State.CHUNKS, State.READY, {Bdat: State.CHUNKS, Burl: State.CHUNKS}),
    State.FAILED: _row(State.FAILED, State.READY, {}),
    State.CLOSED: {},
}


def misplaced(state: State, command: Command, *, is_lmtp: bool) -> Reply:
    """The reply to a command that is not legal in this state."""
    if type(command) in (_NOT_LMTP if is_lmtp else _NOT_SMTP):
        return replies.UNKNOWN_COMMAND
    match state:
        case State.CONNECTED:
            return replies.LHLO_FIRST if is_lmtp else replies.HELLO_FIRST
        case State.CHUNKS:
            return replies.IN_CHUNKS
        case State.FAILED:
            return replies.CHUNKS_FAILED
        case State.SENDER if isinstance(command, Data | Bdat | Burl):
            return replies.NO_RECIPIENTS
        case _:
            return replies.BAD_SEQUENCE


def is_legal(state: State, kind: type[Command], *, is_lmtp: bool) -> bool:
    """RFC 5321 §4.1.4; RFC 2033 §4.1: LHLO in place of HELO and EHLO."""
    return kind in TRANSITIONS[state] and kind not in (_NOT_LMTP if is_lmtp else _NOT_SMTP)
