"""One IMAP connection, server side, without I/O.

    session.receive(octets)
    while (event := session.next_event()) is not None:
        ...                       # a Command: answer with untagged() and finish()
    write(session.data_to_send())

A command that is not finished stops ``next_event``, so pipelined commands run one at a
time and in order (RFC 3501 §5.5). The session settles what is *legal* (grammar, state,
limits, no password on a plain connection); its driver settles what is *allowed*.

Limits: before login a command has 8 KiB and a literal 512 octets, after it 1 MiB and
100 KiB. The messages of APPEND are never held, see ``appending``. A refused literal is
never read as commands: a synchronising one is not asked for, another one is skipped, or
the connection ends with BYE. After ten mistakes in a row each costs a ``Slow``, at twenty
the connection ends.

RFC 3501 §2.2, §3, §6, §7.5; RFC 7888 (LITERAL+); RFC 2177 (IDLE); RFC 4959 (SASL-IR).
"""

import binascii
import enum
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final, Literal

from postroom.protocol.imap.appending import Appending, Unwelcome
from postroom.protocol.imap.capabilities import capabilities
from postroom.protocol.imap.commands import (
    Authenticate,
    Command,
    Fetch,
    Login,
    Logout,
    Unauthenticate,
)
from postroom.protocol.imap.events import (
    Cancelled,
    Event,
    IdleDone,
    Response,
    Slow,
)
from postroom.protocol.imap.input import (
    COMMAND_LIMIT,
    LOGIN_LIMIT,
    BareNewline,
    Input,
    LiteralHead,
    TooLong,
)
from postroom.protocol.imap.modes import Modes
from postroom.protocol.imap.output import Output
from postroom.protocol.imap.parse import parse_arguments, split
from postroom.protocol.imap.parse_append import brings_messages
from postroom.protocol.imap.responses import continuation, status_line
from postroom.protocol.imap.series import Series, Single
from postroom.protocol.imap.states import AFTER_NO, AFTER_OK, LEGAL, State
from postroom.protocol.imap.tokens import BadSyntax, CutLiteral, Reader, Unusable

Condition = Literal["OK", "NO", "BAD"]

MOST_SINGLES: Final = 2048  # octets of a series that are looked at together
_ILLEGAL: Final = "The command is not legal in this state"


class _Mode(enum.Enum):
    COMMAND = enum.auto()  # a command is read
    ANSWER = enum.auto()  # a command waits for its answer
    CHALLENGE = enum.auto()  # AUTHENTICATE: a base64 line is read
    IDLE = enum.auto()  # DONE is read
    APPEND = enum.auto()  # APPEND is read, or waits for a word
    SKIP = enum.auto()  # the rest of a refused APPEND is read
    SLOW = enum.auto()  # a mistake costs time
    CLOSED = enum.auto()


class Session:
    """The state of one connection; see the module's text for its use."""

    __slots__ = (
        "_append_limit",
        "_appending",
        "_can_start_tls",
        "_hard_errors",
        "_input",
        "_mechanisms",
        "_mistakes",
        "_mode",
        "_output",
        "_pending",
        "_series",
        "_soft_errors",
        "_tag",
        "modes",
        "state",
    )

    def __init__(
        self,
        *,
        mechanisms: tuple[str, ...],
        can_start_tls: bool,
        append_limit: int,
        soft_errors: int = 10,
        hard_errors: int = 20,
    ) -> None:
        """No ``mechanisms``: login is disabled until ``tls_started`` brings some.

        More than ``soft_errors`` mistakes in a row cost time, ``hard_errors`` end it.
        """
        self.state = State.UNAUTHENTICATED
        self.modes = Modes()
        self._mechanisms = mechanisms
        self._can_start_tls = can_start_tls
        self._append_limit = append_limit
        self._soft_errors = soft_errors
        self._hard_errors = hard_errors
        self._input = Input()
        self._output = Output()
        self._mode = _Mode.COMMAND
        self._pending: Command | None = None
        self._tag = b""
        self._appending: Appending | None = None
        self._series: Series | None = None
        self._mistakes = 0

    # What the driver reads

    @property
    def is_closed(self) -> bool:
        """True after BYE: write what is left and close."""
        return self._mode is _Mode.CLOSED

    @property
    def tag(self) -> bytes:
        """The tag of the command that is being answered."""
        return self._tag

    @property
    def buffered(self) -> int:
        """Octets received and not yet used; STARTTLS wants none (RFC 3501 §6.2.1)."""
        return len(self._input)

    @property
    def capabilities(self) -> bytes:
        """The capability list of this moment; while a login is answered, that after it."""
        return capabilities(
            is_authenticated=self.state is not State.UNAUTHENTICATED
            or isinstance(self._pending, Login | Authenticate),
            can_start_tls=self._can_start_tls,
            mechanisms=self._mechanisms,
            append_limit=self._append_limit,
        )

    @property
    def can_start_tls(self) -> bool:
        """Whether STARTTLS is offered."""
        return self._can_start_tls

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The SASL mechanisms that are offered now."""
        return self._mechanisms

    def data_to_send(self) -> bytes:
        """Everything to be written now."""
        return self._output.take()

    @property
    def waiting(self) -> int:
        """Octets that are to be written."""
        return self._output.size

    # What the driver tells

    def greet(self, text: str) -> None:
        """Write the greeting with the capabilities (RFC 3501 §7.1.1)."""
        self._output.append(status_line(b"*", "OK", text, b"CAPABILITY " + self.capabilities))

    def receive(self, octets: bytes) -> None:
        """Keep octets that came from the client."""
        if self._mode is not _Mode.CLOSED:
            self._input.feed(octets)

    def untagged(self, lines: bytes) -> None:
        """Write whole response lines (with CRLF); none follow BYE."""
        if self._mode is not _Mode.CLOSED:
            self._output.append(lines)

    def untagged_pieces(self, pieces: Iterable[bytes]) -> None:
        """The same of whole lines in pieces, such as literals."""
        if self._mode is not _Mode.CLOSED:
            self._output.extend(pieces)

    def finish(self, condition: Condition, text: str, code: bytes = b"") -> None:
        """Write the tagged response of the pending command and go on to the next one."""
        command = self._pending
        if command is None:
            return
        following = AFTER_OK if condition == "OK" else AFTER_NO
        self.state = following.get(type(command), self.state)
        self._output.append(status_line(self._tag, condition, text, code, utf8=self.modes.rev2))
        self._pending = None
        if condition == "OK":
            self._mistakes = 0
        if isinstance(command, Logout):
            self._close()
        elif isinstance(command, Unauthenticate) and condition == "OK":
            self.modes = Modes()
            self._mode = _Mode.COMMAND
        elif self._appending is not None and self._appending.leave():
            self._mode = _Mode.SKIP
        else:
            self._mode = _Mode.COMMAND
            self._appending = None
        if condition == "BAD":
            self._count_mistake()

    def challenge(self, octets: bytes) -> None:
        """AUTHENTICATE: send a challenge; ``Response`` or ``Cancelled`` comes back."""
        self._output.append(continuation(binascii.b2a_base64(octets, newline=False)))
        self._mode = _Mode.CHALLENGE

    def start_idle(self) -> None:
        """IDLE: untagged responses may follow at any time until ``IdleDone``."""
        self._output.append(continuation(b"idling"))
        self._mode = _Mode.IDLE

    def go_on(self) -> None:
        """APPEND: what the last event told is welcome."""
        if self._appending is not None:
            self._appending.go_on()

    def resume(self) -> None:
        """The wait that ``Slow`` asked for is over."""
        if self._mode is _Mode.SLOW:
            self._mode = _Mode.COMMAND

    def unselect(self, text: str) -> None:
        """No mailbox is selected any more, other than by CLOSE (RFC 7162 §3.2.11, RFC 9051 §7.1)."""
        self._output.append(status_line(b"*", "OK", text, b"CLOSED"))
        self.state = State.AUTHENTICATED

    def tls_started(self, mechanisms: tuple[str, ...]) -> None:
        """The connection is encrypted now; what the client said before is forgotten."""
        self._can_start_tls = False
        self._mechanisms = mechanisms
        self._mistakes = 0

    def bye(self, text: str, code: bytes = b"") -> None:
        """Write BYE and end the session (RFC 3501 §7.1.5)."""
        if self._mode is not _Mode.CLOSED:
            self._output.append(status_line(b"*", "BYE", text, code))
            self._close()

    # Reading

    def next_event(self) -> Event | None:
        """The next command or event; None: more octets or an answer are needed."""
        while True:
            mode = self._mode
            try:
                if mode is _Mode.COMMAND:
                    event, goes_on = self._read_command()
                elif mode is _Mode.SKIP:
                    event, goes_on = None, self._skip()
                elif mode is _Mode.SLOW:
                    return Slow()
                else:
                    return self._read_more(mode)
            except TooLong:
                self.bye("The command is too long", b"ALERT")
                return None
            except Unwelcome:
                self.bye("The literal is too big", b"ALERT")
                return None
            except BareNewline as error:
                event, goes_on = None, self._bare_newline(error)
            if event is not None or not goes_on:
                return event

    def follow(self) -> Fetch | None:
        """Begin the next command if it is the last FETCH again, of another single message.

        None: it is not, or not all of it has come; ``next_event`` goes on.
        """
        series, found = self._series, next(self.singles(), None)
        if series is None or found is None:
            return None
        self._input.skip(found.size)
        self._tag = found.tag
        self._pending = command = series.command(found.number)
        self._mode = _Mode.ANSWER
        return command

    def singles(self) -> Iterator[Single]:
        """What ``follow`` would begin, one after the other, as far as it has come; none is begun."""
        if self._series is None or self._mode is not _Mode.COMMAND:
            return iter(())
        return self._series.singles(self._input.peek(MOST_SINGLES))

    def finish_singles(self, singles: Iterable[Single], pieces: Iterable[bytes]) -> None:
        """The first of ``singles`` are answered with OK: by these pieces, tagged lines and all."""
        self._input.skip(sum([single.size for single in singles]))
        self._output.extend(pieces)
        self._mistakes = 0

    def _read_more(self, mode: _Mode) -> Event | None:
        if mode is _Mode.APPEND and self._appending is not None:
            return self._appending.next()
        if mode is _Mode.IDLE:
            return self._idle()
        if mode is _Mode.CHALLENGE:
            return self._response()
        return None

    def _read_command(self) -> tuple[Event | None, bool]:
        """(event, whether to go on reading when there is none)."""
        following = self.follow()
        if following is not None:
            return following, True
        whole = self._input.command(self._limit)
        if whole is None:
            return None, False
        if isinstance(whole, LiteralHead):
            return self._literal(whole), not self.is_closed
        self._tag, name, reader = split(whole, self.modes)
        if not self._tag:
            self._refuse("BAD", "Expected a tag and a command")
            return None, True
        try:
            if self.state is not State.UNAUTHENTICATED and brings_messages(name, reader):
                return self._append(name, reader, None), True
            command = parse_arguments(name, reader)
            self._series = Series.of(whole, command) if type(command) is Fetch else None
            return self._begin(command), True
        except (BadSyntax, Unusable) as error:
            self._refuse_for(error)
            return None, True

    def _begin(self, command: Command) -> Event | None:
        if not isinstance(command, LEGAL[self.state]):
            self._refuse("BAD", _ILLEGAL)
            return None
        if isinstance(command, Login | Authenticate) and not self._mechanisms:
            self._refuse_password()
            return None
        self._pending = command
        self._mode = _Mode.ANSWER
        return command

    @property
    def _limit(self) -> int:
        return LOGIN_LIMIT if self.state is State.UNAUTHENTICATED else COMMAND_LIMIT

    def _literal(self, head: LiteralHead) -> Event | None:
        """Decide about a literal before its octets come."""
        self._tag, name, reader = split(head.octets, self.modes)
        if self.state is not State.UNAUTHENTICATED and brings_messages(name, reader):
            with suppress(CutLiteral):
                return self._append(name, reader, head)
        if name == b"LOGIN" and not self._mechanisms and head.is_synchronising:
            self._input.drop()
            self._refuse_password()
            return None
        before_login = self.state is State.UNAUTHENTICATED
        if not self._tag or not self._input.admits(head, before_login=before_login):
            self._input.drop()
            self._refuse_too_big(head)
            return None
        if head.is_synchronising:
            self._output.append(continuation(b"Ready for the literal"))
        self._input.expect_literal(head.size)
        return None

    def _append(self, name: bytes, reader: Reader, head: LiteralHead | None) -> Event | None:
        """Begin an APPEND; raises CutLiteral when the literal is no message."""
        appending = Appending(self._input, self._output, self._append_limit)
        try:
            command = appending.begin(name, reader, head)
            if not isinstance(command, LEGAL[self.state]):
                raise BadSyntax(_ILLEGAL)  # noqa: TRY301
        except CutLiteral:
            raise
        except (BadSyntax, Unusable) as error:
            if head is not None and appending.refuse(head):
                self._appending, self._mode = appending, _Mode.SKIP
            self._refuse_for(error)
            return None
        self._pending, self._appending = command, appending
        self._mode = _Mode.APPEND
        return command

    def _refuse_too_big(self, head: LiteralHead) -> None:
        if head.is_synchronising:
            self._refuse("BAD", "The literal is too big", b"TOOBIG")
        else:
            self.bye("The literal is too big", b"ALERT")

    def _refuse_for(self, error: BadSyntax | Unusable) -> None:
        if isinstance(error, Unusable):
            self._refuse("NO", str(error), error.code)
        else:
            self._refuse("BAD", str(error), error.code)

    def _refuse_password(self) -> None:
        self._refuse("NO", "Start TLS first", b"PRIVACYREQUIRED")  # RFC 5530 §3

    def _refuse(self, condition: Condition, text: str, code: bytes = b"") -> None:
        """The session itself answers a command."""
        tag = self._tag or b"*"
        self._output.append(status_line(tag, condition, text, code, utf8=self.modes.rev2))
        if condition == "BAD":
            self._count_mistake()

    def _count_mistake(self) -> None:
        self._mistakes += 1
        if self._mistakes >= self._hard_errors:
            self.bye("Too many bad commands")
        elif self._mistakes > self._soft_errors and self._mode is _Mode.COMMAND:
            self._mode = _Mode.SLOW

    def _bare_newline(self, error: BareNewline) -> bool:
        """Refuse the line; when a literal would follow it, the connection ends."""
        if self._mode is not _Mode.COMMAND or error.line.rstrip(b"\r\n").endswith(b"}"):
            self.bye(str(error), b"ALERT")
            return False
        self._tag = split(error.line)[0]
        self._refuse("BAD", str(error))
        return True

    def _skip(self) -> bool:
        """Read the rest of a refused APPEND; False: not all has come."""
        if self._appending is not None and not self._appending.skip():
            return False
        self._appending = None
        self._mode = _Mode.COMMAND
        return True

    def _idle(self) -> Event | None:
        line = self._input.line(LOGIN_LIMIT)
        if line is None:
            return None
        self._mode = _Mode.ANSWER
        return IdleDone(is_clean=line.upper() == b"DONE")

    def _response(self) -> Event | None:
        line = self._input.line(LOGIN_LIMIT)
        if line is None:
            return None
        try:
            if line == b"*":
                raise ValueError("The client cancelled")  # noqa: TRY301
            octets = binascii.a2b_base64(line, strict_mode=True) if line else b""
        except (binascii.Error, ValueError):
            self._mode = _Mode.ANSWER
            self.finish("BAD", "Cancelled" if line == b"*" else "The response is no base64")
            return Cancelled()
        self._mode = _Mode.ANSWER
        return Response(octets)

    def _close(self) -> None:
        self._mode = _Mode.CLOSED
        self.state = State.LOGOUT
        self._pending = self._appending = None
        self._input = Input()
