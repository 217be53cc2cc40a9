"""One POP3 session without I/O: octets in, events out, answers in, octets out.

    session.receive(octets)
    while (event := session.next_event()) is not None or session.has_output:
        ...                       # answer the event; an unanswered one stops the next
        while octets := session.data_to_send():
            write(octets)

What the snapshot of the maildrop can answer (STAT, LIST, UIDL, DELE, RSET, NOOP) the
session answers itself, so pipelined commands (RFC 2449 §6.6) are done in order by
construction. Long listings are made block by block, as they are sent. Deletions happen
only at QUIT (RFC 1939 §6): a lost connection deletes nothing.

RFC 1939, 2449 (CAPA), 2595 (STLS), 3206 (AUTH response codes), 5034 (AUTH), 6856 (UTF8).
"""

import base64
import binascii
import enum
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from postroom.protocol.dots import Stuffer, Top
from postroom.protocol.pop3 import events
from postroom.protocol.pop3.commands import (
    MAX_AUTH_LINE,
    MAX_LINE,
    Auth,
    BadCommand,
    Command,
    Dele,
    Listing,
    Pass,
    Plain,
    Retr,
    User,
    parse_command,
)
from postroom.protocol.pop3.maildrop import NoSuchMessage, Snapshot

LISTING_LINES: Final = 2000  # of a long listing, made at a time
MAX_MISTAKES: Final = 20


class State(enum.Enum):
    """RFC 1939 §3, and what lies between: an AUTH exchange, the end."""

    AUTHORIZATION = enum.auto()
    SASL = enum.auto()
    TRANSACTION = enum.auto()
    CLOSED = enum.auto()


_ANYWHERE: Final = frozenset({"QUIT", "CAPA", "NOOP"})
_BEFORE_LOGIN: Final = frozenset({"USER", "PASS", "AUTH", "STLS", "UTF8"})


class Session:
    """The state of one connection; see the module's text for its use."""

    __slots__ = (
        "_buffer",
        "_can_start_tls",
        "_content",
        "_is_pending",
        "_listing",
        "_maildrop",
        "_mechanisms",
        "_mistakes",
        "_name",
        "_output",
        "_scanned",
        "_skipping",
        "_top",
        "_top_lines",
        "state",
    )

    def __init__(self, *, mechanisms: Sequence[str], can_start_tls: bool) -> None:
        """Without ``mechanisms`` nobody can log in until ``secured`` brings some."""
        self.state = State.AUTHORIZATION
        self._mechanisms = tuple(mechanisms)
        self._can_start_tls = can_start_tls
        self._buffer = bytearray()
        self._scanned = 0
        self._skipping = False
        self._output: list[bytes] = []
        self._listing: Iterator[bytes] | None = None
        self._is_pending = False
        self._mistakes = 0
        self._name: str | None = None
        self._maildrop = Snapshot((), ())
        self._content: Stuffer | None = None
        self._top: Top | None = None
        self._top_lines: int | None = None

    # what the driver feeds and takes

    def greet(self, hostname: str) -> None:
        """Write the greeting (RFC 1939 §4)."""
        self._ok(f"{hostname} POP3 ready")

    def receive(self, octets: bytes) -> None:
        """Take octets from the peer; the driver stops reading while much is unread."""
        if self.state is not State.CLOSED:
            self._buffer += octets

    @property
    def unread(self) -> int:
        """Octets that wait to be read as commands."""
        return len(self._buffer)

    @property
    def has_output(self) -> bool:
        """True when ``data_to_send`` has something; commands wait for a listing to be sent."""
        return bool(self._output) or self._listing is not None

    def data_to_send(self) -> bytes:
        """What is to be written now; empty when there is nothing (more)."""
        if self._listing is not None and not self._output:
            block = b"".join(islice(self._listing, LISTING_LINES))
            if block:
                return block
            self._listing = None
            self._output.append(b".\r\n")
        octets = b"".join(self._output)
        self._output.clear()
        return octets

    def next_event(self) -> events.Event | None:
        """The next question for the driver; None when more octets or an answer are needed."""
        while not self._is_pending and self._listing is None and self.state is not State.CLOSED:
            line = self._line()
            if line is None:
                return None
            event = self._sasl(line) if self.state is State.SASL else self._command(line)
            if event is not None:
                return event
        return None

    # the driver's answers

    def opened(self, sizes: Sequence[int], idents: Sequence[str]) -> None:
        """The person is known and this is the maildrop: the transaction begins."""
        self._maildrop = Snapshot(sizes, idents)
        self.state = State.TRANSACTION
        self._is_pending = False
        self._mistakes = 0
        self._ok(f"{self._maildrop.count} messages ({self._maildrop.octets} octets)")

    def refuse(self, text: str, code: str = "") -> None:
        """Answer the event with -ERR; ``code`` is "AUTH", "SYS/TEMP" or "SYS/PERM"."""
        if self.state is State.SASL:
            self.state = State.AUTHORIZATION
        self._is_pending = False
        self._error(f"[{code}] {text}" if code else text)

    def challenge(self, octets: bytes) -> None:
        """Go on with the AUTH exchange (RFC 5034 §4)."""
        self.state = State.SASL
        self._is_pending = False
        self._output.append(b"+ " + base64.b64encode(octets) + b"\r\n")

    def secured(self, mechanisms: Sequence[str]) -> None:
        """TLS is up: forget what was said before it (RFC 2595 §4)."""
        self._mechanisms = tuple(mechanisms)
        self._can_start_tls = False
        self._is_pending = False
        self._name = None

    def begin_content(self) -> None:
        """Answer Retrieve: the message follows."""
        self._ok("message follows")
        self._content = Stuffer()
        self._top = None if self._top_lines is None else Top(self._top_lines)

    def content(self, octets: bytes) -> None:
        """The next octets of the message."""
        if self._content is not None:
            if self._top is not None:
                octets = self._top.feed(octets)
            self._output.append(self._content.feed(octets))

    @property
    def content_is_complete(self) -> bool:
        """True when TOP has all the lines that it wants."""
        return self._top is not None and self._top.done

    def end_content(self) -> None:
        """The message is complete."""
        if self._content is not None:
            self._output.append(self._content.finish())
        self._content = self._top = None
        self._is_pending = False

    def updated(self, failure: str = "") -> None:
        """Answer Update; with ``failure`` some messages were not removed (RFC 1939 §6)."""
        self._is_pending = False
        self.state = State.CLOSED
        if failure:
            self._error(f"[SYS/TEMP] {failure}")
        else:
            self._ok("bye")

    def close(self, text: str) -> None:
        """End the session on the server's wish; nothing is deleted."""
        if self.state is not State.CLOSED:
            self._error(f"[SYS/TEMP] {text}")
        self.state = State.CLOSED

    # reading

    def _line(self) -> bytes | None:
        """One line without CRLF. Too long ones are skipped in constant memory."""
        limit = MAX_AUTH_LINE if self.state is State.SASL else MAX_LINE * 2
        while True:
            end = self._buffer.find(b"\n", self._scanned)
            if end < 0:
                self._scanned = len(self._buffer)
                if self._scanned > limit or self._skipping:
                    self._skipping = True
                    self._buffer.clear()
                    self._scanned = 0
                return None
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._scanned = 0
            if self._skipping or len(line) > limit:
                self._skipping = False
                return b"\0"  # no command: it is refused as one
            return line.removesuffix(b"\r")

    def _sasl(self, line: bytes) -> events.Event | None:
        self._is_pending = True
        if line == b"*":
            self.refuse("AUTH cancelled")
            return None
        try:
            return events.Response(base64.b64decode(line, validate=True))
        except (binascii.Error, ValueError):
            self.refuse("that is not base64")
            return self._rejected()

    def _command(self, line: bytes) -> events.Event | None:
        try:
            command = parse_command(line)
            self._check_state(command)
            return self._run(command)
        except (BadCommand, NoSuchMessage) as error:
            self._error(str(error))
            return self._rejected() if isinstance(error, BadCommand) else None

    def _check_state(self, command: Command) -> None:
        verb = _verb(command)
        if verb in _ANYWHERE:
            return
        before = verb in _BEFORE_LOGIN
        if before and self.state is not State.AUTHORIZATION:
            raise BadCommand(f"{verb} is for before the login")
        if not before and self.state is not State.TRANSACTION:
            raise BadCommand(f"{verb} needs a login first: USER and PASS, or AUTH")

    def _run(self, command: Command) -> events.Event | None:
        match command:
            case User():
                self._require_login_allowed()
                self._name = command.name
                self._ok("send PASS")
            case Pass():
                return self._password(command)
            case Auth():
                return self._auth(command)
            case Listing():
                self._list(command)
            case Retr():
                self._top_lines = command.lines
                return self._ask(events.Retrieve(self._maildrop.index(command.number)))
            case Dele():
                self._maildrop.mark(command.number)
                self._ok(f"message {command.number} deleted")
            case Plain():
                return self._plain(command.verb)
        return None

    def _plain(self, verb: str) -> events.Event | None:
        match verb:
            case "STAT":
                self._ok(f"{self._maildrop.count} {self._maildrop.octets}")
            case "RSET":
                self._maildrop.unmark()
                self._ok(f"{self._maildrop.count} messages")
            case "CAPA":
                self._capabilities()
            case "STLS":
                return self._start_tls()
            case "QUIT":
                return self._quit()
            case _:  # NOOP, UTF8: messages are sent as they are stored (RFC 6856 §2)
                self._ok("")
        return None

    def _password(self, command: Pass) -> events.Event:
        self._require_login_allowed()
        if self._name is None:
            raise BadCommand("PASS comes after USER")
        name, self._name = self._name, None
        return self._ask(events.Login(name, command.password))

    def _auth(self, command: Auth) -> events.Event | None:
        self._require_login_allowed()
        if not command.mechanism:
            self._ok("these mechanisms:")
            self._output += [f"{name}\r\n".encode() for name in self._mechanisms]
            self._output.append(b".\r\n")
            return None
        if command.mechanism not in self._mechanisms:
            raise BadCommand(f"there is no such mechanism, only {' '.join(self._mechanisms)}")
        initial = command.initial
        if initial is not None:
            try:
                initial = b"" if initial == b"=" else base64.b64decode(initial, validate=True)
            except (binascii.Error, ValueError):
                raise BadCommand("the initial response is not base64") from None
        return self._ask(events.Authenticate(command.mechanism, initial))

    def _list(self, command: Listing) -> None:
        if command.number is not None:
            self._ok(self._maildrop.line(command.verb, command.number))
            return
        self._ok(f"{self._maildrop.count} messages ({self._maildrop.octets} octets)")
        self._listing = self._maildrop.lines(command.verb)

    def _start_tls(self) -> events.Event:
        if not self._can_start_tls:
            raise BadCommand("TLS is already in use, or not to be had here")
        if self._buffer:  # anything already here was sent in clear: never run it inside TLS
            self.close("nothing may follow STLS before the handshake")
            return events.Quit()
        self._ok("begin TLS")
        return self._ask(events.StartTls())

    def _quit(self) -> events.Event:
        if self.state is State.TRANSACTION and self._maildrop.deleted:
            return self._ask(events.Update(self._maildrop.deleted))
        self.state = State.CLOSED
        self._ok("bye")
        return events.Quit()

    def _capabilities(self) -> None:
        self._ok("this is what there is:")
        lines = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8"]
        lines += ["EXPIRE NEVER", "IMPLEMENTATION Postroom"]
        if self._can_start_tls:
            lines.append("STLS")
        if self._mechanisms:
            lines += ["USER", f"SASL {' '.join(self._mechanisms)}"]
        self._output += [f"{line}\r\n".encode() for line in (*lines, ".")]

    def _require_login_allowed(self) -> None:
        if not self._mechanisms:
            raise BadCommand("a password is taken only inside TLS: send STLS first")

    # writing

    def _ask(self, event: events.Event) -> events.Event:
        self._is_pending = True
        return event

    def _rejected(self) -> events.Event:
        self._mistakes += 1
        if self._mistakes >= MAX_MISTAKES:
            self.close("too many bad commands")
            return events.Quit()
        return events.Rejected(self._mistakes)

    def _ok(self, text: str) -> None:
        self._output.append(f"+OK {text}".rstrip().encode() + b"\r\n")

    def _error(self, text: str) -> None:
        self._output.append(f"-ERR {text}\r\n".encode("utf-8", "replace"))


def _verb(command: Command) -> str:
    match command:
        case Listing() | Plain():
            return command.verb
        case Retr():
            return "RETR"
        case _:
            return type(command).__name__.upper()
