"""One ManageSieve session without I/O: octets in, events out, answers in, octets out.

    session.receive(octets)
    while (event := session.next_event()) is not None:
        ...                       # answer it; an unanswered one stops the next
    write(session.data_to_send())

Pipelined commands are done in order by construction; nothing that follows STARTTLS is ever
done. RFC 5804.
"""

import enum
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from postroom.protocol.managesieve import responses
from postroom.protocol.managesieve.commands import Authenticate, Command, Noop, Plain
from postroom.protocol.managesieve.events import Event, Quit, Rejected, Response
from postroom.protocol.managesieve.input import MAX_LINE, Desynchronised, Input, Piece
from postroom.protocol.managesieve.parse import MAX_NAME, BadCommand, parse, parse_response

VERSION: Final = "1.0"  # RFC 5804 §1.7: with NOOP, RENAMESCRIPT and CHECKSCRIPT
TOO_WEAK: Final = frozenset({"ANONYMOUS", "CRAM-MD5", "DIGEST-MD5", "NTLM"})


class State(enum.Enum):
    """RFC 5804 §1.1, and what lies between: an exchange of AUTHENTICATE, the end."""

    CONNECTED = enum.auto()
    SASL = enum.auto()
    AUTHENTICATED = enum.auto()
    CLOSED = enum.auto()


_ANYWHERE: Final = frozenset({"CAPABILITY", "LOGOUT", "NOOP"})
_BEFORE_LOGIN: Final = frozenset({"AUTHENTICATE", "STARTTLS"})


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server can do. ``max_script`` is in octets; ``notify`` are schemes of URIs."""

    extensions: Sequence[str]
    notify: Sequence[str] = ()
    max_script: int
    max_redirects: int
    hard_errors: int = 20
    """Errors after which the session ends."""


class Session:
    """The state of one connection; see the module's text for its use."""

    __slots__ = (
        "_can_start_tls",
        "_input",
        "_is_pending",
        "_mechanisms",
        "_mistakes",
        "_offer",
        "_output",
        "_owner",
        "state",
    )

    def __init__(self, offer: Offer, *, mechanisms: Sequence[str], can_start_tls: bool) -> None:
        """Without ``mechanisms`` nobody can log in until ``secured`` brings some."""
        self.state = State.CONNECTED
        self._offer = offer
        self._mechanisms = tuple(mechanisms)
        self._can_start_tls = can_start_tls
        self._input = Input()
        self._output: list[bytes] = []
        self._is_pending = False
        self._mistakes = 0
        self._owner = ""

    # what the driver feeds and takes

    def greet(self) -> None:
        """Say first what there is (RFC 5804 §1.7)."""
        self._capabilities()
        self._say("OK", "Postroom ready")

    def receive(self, octets: bytes) -> None:
        """Take octets from the peer."""
        if self.state is not State.CLOSED:
            self._input.feed(octets)

    def data_to_send(self) -> bytes:
        """What is to be written now."""
        octets = b"".join(self._output)
        self._output.clear()
        return octets

    def next_event(self) -> Event | None:
        """The next question for the driver; None when more octets or an answer are needed."""
        while not self._is_pending and self.state is not State.CLOSED:
            is_known = self.state is State.AUTHENTICATED
            try:
                pieces = self._input.command(self._most_kept if is_known else MAX_LINE)
                if pieces is None:
                    return None
                event = self._read(pieces)
            except Desynchronised as error:
                self.close(str(error))
                return Quit()
            except BadCommand as error:
                event = self._reject(str(error))
            if event is not None:
                return event
        return None

    # the driver's answers

    def ok(self, text: str = "", code: bytes = b"") -> None:
        """The command is done."""
        self._is_pending = False
        self._say("OK", text, code)

    def no(self, text: str, code: bytes = b"") -> None:
        """The command is refused; an exchange of AUTHENTICATE is over."""
        if self.state is State.SASL:
            self.state = State.CONNECTED
        self._is_pending = False
        self._say("NO", text, code)

    def challenge(self, octets: bytes) -> None:
        """Go on with the exchange of AUTHENTICATE (RFC 5804 §2.1)."""
        self.state = State.SASL
        self._is_pending = False
        self._output.append(responses.challenge(octets))

    def authenticated(self, owner: str, final: bytes | None = None) -> None:
        """The person is known; ``final`` is what the mechanism says last."""
        self.state = State.AUTHENTICATED
        self._owner = owner
        self._mistakes = 0
        self.ok("Logged in", b"" if final is None else responses.sasl_code(final))

    def unauthenticated(self) -> None:
        """As before AUTHENTICATE; TLS stays (RFC 5804 §2.14.1)."""
        self.state = State.CONNECTED
        self._owner = ""
        self.ok("Logged out")

    def secured(self, mechanisms: Sequence[str]) -> None:
        """TLS is up: say anew what there is (RFC 5804 §2.2)."""
        self._mechanisms = tuple(mechanisms)
        self._can_start_tls = False
        self._is_pending = False
        self._capabilities()
        self._say("OK", "TLS is on")

    def listed(self, scripts: Iterable[tuple[str, bool]]) -> None:
        """Answer LISTSCRIPTS: names, and whether they are active."""
        self._output.append(responses.scripts(scripts))
        self.ok()

    def content(self, octets: bytes) -> None:
        """Answer GETSCRIPT."""
        self._output.append(responses.literal(octets) + b"\r\n")
        self.ok()

    def close(self, text: str, code: bytes = b"") -> None:
        """End the session on the server's wish (RFC 5804 §1.2 BYE)."""
        if self.state is not State.CLOSED:
            self._say("BYE", text, code)
        self.state = State.CLOSED
        self._is_pending = False

    # reading

    @property
    def _most_kept(self) -> int:
        """Octets of a literal: the name of a script may be one too."""
        return self._offer.max_script + MAX_NAME

    def _read(self, pieces: list[Piece]) -> Event | None:
        if self.state is State.SASL:
            return self._response(pieces)
        command = parse(pieces)
        verb = _verb(command)
        if verb not in _ANYWHERE:
            self._check_state(verb)
        match command:
            case Plain():
                return self._plain(command)
            case Noop():
                tag = command.tag
                self._say("OK", "Done", b"" if tag is None else responses.tag_code(tag))
                return None
            case Authenticate():
                return self._authenticate(command)
            case _:
                return self._ask(command)

    def _check_state(self, verb: str) -> None:
        is_known = self.state is State.AUTHENTICATED
        if verb in _BEFORE_LOGIN and is_known:
            raise BadCommand(f"{verb} is for before the login")
        if verb not in _BEFORE_LOGIN and not is_known:
            raise BadCommand("Log in first: AUTHENTICATE")

    def _plain(self, command: Plain) -> Event | None:
        match command.verb:
            case "CAPABILITY":
                self._capabilities()
                self._say("OK")
                return None
            case "LOGOUT":
                self._say("OK", "Bye")
                self.state = State.CLOSED
                return Quit()
            case "STARTTLS":
                return self._start_tls(command)
            case _:
                return self._ask(command)

    def _start_tls(self, command: Plain) -> Event:
        if not self._can_start_tls:
            raise BadCommand("TLS is on already, or not to be had here")
        if len(self._input):  # sent in clear: never done inside TLS
            self.close("Nothing may follow STARTTLS before the handshake")
            return Quit()
        self._say("OK", "Begin TLS")
        return self._ask(command)

    def _authenticate(self, command: Authenticate) -> Event:
        if command.mechanism in self._mechanisms:
            return self._ask(command)
        if not self._mechanisms:
            return self._reject("Passwords are taken inside TLS only: STARTTLS", b"ENCRYPT-NEEDED")
        code = b"AUTH-TOO-WEAK" if command.mechanism in TOO_WEAK else b""
        return self._reject("This mechanism is not offered", code)

    def _response(self, pieces: list[Piece]) -> Event | None:
        try:
            octets = parse_response(pieces)
        except BadCommand:
            self.state = State.CONNECTED
            raise
        if octets is None:
            self.no("The login was given up")
            return None
        return self._ask(Response(octets))

    def _ask(self, event: Event) -> Event:
        self._is_pending = True
        return event

    # writing

    def _reject(self, text: str, code: bytes = b"") -> Event:
        self._say("NO", text, code)
        self._mistakes += 1
        if self._mistakes >= self._offer.hard_errors:
            self.close("Too many bad commands")
            return Quit()
        return Rejected(self._mistakes)

    def _capabilities(self) -> None:
        lines = [
            ("IMPLEMENTATION", "Postroom"),
            ("SASL", " ".join(self._mechanisms)),
            ("SIEVE", " ".join(self._offer.extensions)),
        ]
        if self._offer.notify:
            lines.append(("NOTIFY", " ".join(self._offer.notify)))
        if self._can_start_tls and self.state is not State.AUTHENTICATED:
            lines.append(("STARTTLS", ""))
        lines.append(("MAXREDIRECTS", str(self._offer.max_redirects)))
        if self._owner:
            lines.append(("OWNER", self._owner))
        lines += [("UNAUTHENTICATE", ""), ("VERSION", VERSION)]
        for name, value in lines:
            words = [responses.string(name.encode())]
            if value or name in {"SASL", "SIEVE"}:
                words.append(responses.string(value.encode()))
            self._output.append(b" ".join(words) + b"\r\n")

    def _say(self, word: str, text: str = "", code: bytes = b"") -> None:
        self._output.append(responses.answer(word, text, code))


def _verb(command: Command) -> str:
    return command.verb if isinstance(command, Plain) else type(command).__name__.upper()
