"""Why a command line is no command: the two errors of ``parse_command``.

BadCommand
├── UnknownVerb      no such command here
└── BadArguments     the verb is known, what follows makes no sense
"""

from typing import Final

from postroom.protocol.smtp import replies
from postroom.protocol.smtp.replies import Reply

# A browser that was tricked into talking to us: go, before its headers become commands.
_NOT_SMTP: Final = frozenset({"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT"})
_UNSUPPORTED: Final = frozenset({"ETRN", "ATRN", "TURN", "SEND", "SOML", "SAML"})


class BadCommand(Exception):
    """``reply`` tells the client. With a ``last`` one, which may be the same, the session ends."""

    def __init__(self, reply: Reply, last: Reply | None = None) -> None:
        self.reply = reply
        self.last = last
        super().__init__(reply.lines[0])


class UnknownVerb(BadCommand):
    """No such command; the verb is in upper case (RFC 5321 §4.2.4: 500 and 502)."""

    def __init__(self, verb: str) -> None:
        self.verb = verb
        if verb in _NOT_SMTP:
            super().__init__(replies.NOT_SMTP, replies.NOT_SMTP)
        elif verb in _UNSUPPORTED:
            super().__init__(replies.NOT_IMPLEMENTED)
        else:
            super().__init__(replies.UNKNOWN_COMMAND)


class BadArguments(BadCommand):
    """The last of a session where they tell where the next command begins (BDAT)."""
