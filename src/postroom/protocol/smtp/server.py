"""One SMTP or LMTP connection, server side, without I/O.

    session.receive(octets)
    while (event := session.next_event()) is not None:
        if isinstance(event, Content): ...            # only told
        elif isinstance(event, EndOfContent): session.answer_each(replies)
        elif isinstance(event, Ehlo): session.welcome()
        else: session.answer(reply)
    write(session.data_to_send())

An unanswered question stops ``next_event``, so pipelined commands are answered in their
order (RFC 2920 §3.1). The session settles what is *legal*: grammar, order, limits, no
password on a plain connection. Its driver settles what is *allowed*.

A client that speaks before it has heard is turned off with 554: input behind EHLO, DATA or
STARTTLS, or pipelining without EHLO. Behind STARTTLS it could be a stranger's; behind DATA
it would be taken for a message. Errors make a session slow (``Slow``), then end it.

RFC 5321, RFC 2033 (LMTP), RFC 2920, RFC 3030, RFC 3207, RFC 4468, RFC 4954.
"""

import binascii
from collections.abc import Sequence
from typing import Final

from postroom.protocol.lines import BareNewline, Lines, LineTooLong
from postroom.protocol.sasl.mechanisms import MAX_RESPONSE
from postroom.protocol.smtp import commands as c, replies, states
from postroom.protocol.smtp.events import (
    ASKED,
    Content,
    EndOfContent,
    Event,
    Question,
    Response,
    Slow,
    Unknown,
)
from postroom.protocol.smtp.faults import BadArguments, BadCommand, UnknownVerb
from postroom.protocol.smtp.help import help_reply
from postroom.protocol.smtp.incoming import Chunks, Dots
from postroom.protocol.smtp.modes import ANSWER, CHALLENGE, CLOSED, COMMAND, CONTENT, Mode
from postroom.protocol.smtp.parse import decode_base64, parse_command
from postroom.protocol.smtp.penalties import Penalties, Verdict
from postroom.protocol.smtp.replies import Reply, reply
from postroom.protocol.smtp.settings import Settings
from postroom.protocol.smtp.standing import RESTRICTED, Standing
from postroom.protocol.smtp.states import TRANSITIONS, State, is_legal, misplaced

MAX_LINE: Final = 2_048  # octets of a command with CRLF; RFC 5321 §4.5.3.1.4 asks for 512


class Session:
    """The state of one connection; see the module's text for its use."""

    __slots__ = (
        "_accepted",
        "_incoming",
        "_is_excused",
        "_is_utf8",
        "_is_verbose",
        "_lines",
        "_mode",
        "_output",
        "_penalties",
        "_question",
        "_refusal",
        "_settings",
        "_standing",
        "_to_swallow",
        "farewell",
        "state",
    )

    def __init__(
        self, settings: Settings, *, has_tls: bool = False, is_trusted: bool = False
    ) -> None:
        """``is_trusted``: EHLO and HELP offer VERB without a login."""
        self._settings = settings
        self._standing = Standing(settings, has_tls=has_tls, is_trusted=is_trusted)
        self._output: list[bytes] = []
        self._penalties = Penalties(settings)
        self.farewell: Reply | None = None  # the last reply, once it was written
        self._begin()

    def _begin(self) -> None:
        """Everything that is forgotten when TLS begins."""
        self.state = State.CONNECTED
        self._lines = Lines()
        self._mode = COMMAND
        self._question: Question | None = None
        self._is_verbose = False
        self._is_excused = False  # what follows a refused MAIL in its group is no error
        self._to_swallow = 0  # octets of a refused chunk that are still to come
        self._refusal = replies.BAD_SEQUENCE  # sent when they have come
        self._forget()

    def _forget(self) -> None:
        """A transaction ends."""
        self._accepted = 0
        self._is_utf8 = False
        self._incoming: Dots | Chunks | None = None

    # What the driver reads

    @property
    def is_closed(self) -> bool:
        """True after the last reply: write what is left and close."""
        return self._mode is CLOSED

    @property
    def is_reading_content(self) -> bool:
        """The message is being sent: its own deadlines hold (RFC 5321 §4.5.3.2.5)."""
        return self._mode is CONTENT or self._mode is Mode.SWALLOW

    @property
    def replies_due(self) -> int:
        """How many replies EndOfContent wants."""
        return self._accepted if self._standing.is_lmtp else 1

    def data_to_send(self) -> bytes:
        """Everything to be written now."""
        output = self._output
        if not output:
            return b""
        octets = output[0] if len(output) == 1 else b"".join(output)
        output.clear()
        return octets

    # What the driver tells

    def greet(self) -> None:
        """Write the greeting (RFC 5321 §3.1); it tells no version."""
        protocol = "LMTP" if self._standing.is_lmtp else "ESMTP"
        self._write(reply(220, "", f"{self._settings.hostname} {protocol} Postroom"))

    def receive(self, octets: bytes) -> None:
        """Keep octets that came from the client."""
        if self._mode is not CLOSED and octets:
            self._lines.feed(octets)

    def welcome(self) -> None:
        """Answer Ehlo, Helo, Lhlo: the client may go on."""
        question = self._take_question()
        if self._talks_early(question):
            return
        self._forget()
        self._is_excused = False
        self.state = State.READY
        self._standing.is_esmtp = not isinstance(question, c.Helo)
        self._output.append(self._standing.hello())

    def answer(self, answer: Reply) -> None:
        """Answer a command that came as an event; ``welcome`` greetings, 354 to BDAT too."""
        question = self._take_question()
        if type(question) in states.WAITS and self._talks_early(question):
            return
        if answer.code == 421:
            self.hang_up(answer)
        elif answer.is_positive:
            self._advance(question, answer)
        else:
            self._refuse_answer(question, answer)

    def quote(self, octets: bytes) -> bytes:
        """What the URL of Burl names, before 354 answers it; what of it is content."""
        if not isinstance(self._incoming, Chunks):
            raise RuntimeError("no URL is asked for")  # noqa: TRY004
        return self._incoming.quote(octets)

    def answer_each(self, answers: Sequence[Reply]) -> None:
        """Answer EndOfContent: one reply, over LMTP one a recipient (RFC 2033 §4.2)."""
        self._take_question()
        if len(answers) != self.replies_due:
            raise ValueError(f"{self.replies_due} replies are due, not {len(answers)}")
        for answer in answers:
            self._write(answer)
            if answer.is_positive:
                self._penalties.clear()
        self._forget()
        self.state = State.READY
        if answers[-1].code == 421:
            self.farewell = answers[-1]
            self._close()

    def challenge(self, octets: bytes) -> None:
        """Answer Auth or Response: send this; ``Response`` comes, unless it is cancelled."""
        self._take_question()
        self._output.append(b"334 " + binascii.b2a_base64(octets, newline=False) + b"\r\n")
        self._mode = CHALLENGE

    def login_granted(self) -> None:
        """Answer Auth or Response: the client is who it says."""
        self._take_question()
        self._standing.is_authenticated = True
        self._write(replies.LOGGED_IN)

    def login_refused(self, answer: Reply = replies.BAD_LOGIN) -> None:
        """Answer Auth or Response: it is not, or we can't say."""
        self._take_question()
        if answer.code == 421:
            self.hang_up(answer)
            return
        self._write(answer)
        if self._penalties.failed_login() is Verdict.END:
            self.hang_up(replies.TOO_MANY_LOGINS)

    def resume(self) -> None:
        """The pause that ``Slow`` asked for is over."""
        if self._mode is Mode.SLOW:
            self._mode = COMMAND

    def tls_started(self, mechanisms: tuple[str, ...] = ()) -> None:
        """Forget what was said before TLS (RFC 3207 §4.2); offer these, if any, from now on."""
        self._standing.begin_again(mechanisms)
        self._begin()

    def hang_up(self, last: Reply) -> None:
        """Write a last reply and close."""
        if self._mode is not Mode.CLOSED:
            self.farewell = last
            self._write(last)
            self._close()

    # Reading

    def next_event(self) -> Event | None:
        """The next question or news; None: more octets or an answer are needed."""
        while True:
            mode = self._mode
            if mode is COMMAND or mode is CHALLENGE:
                line = self._next_line()
                if line is None:
                    if self._mode is mode:
                        return None
                    continue
                event = self._command(line) if mode is COMMAND else self._response(line)
            elif mode is CONTENT:
                event = self._content()
                if event is None and self._mode is CONTENT:
                    return None
            elif mode is Mode.SWALLOW:
                if not self._swallow():
                    return None
                continue
            else:
                return self._next_of_few(mode)
            if event is not None:
                return event

    def _next_of_few(self, mode: Mode) -> Event | None:
        if mode is Mode.END and self._incoming is not None:
            return self._ask(EndOfContent(self._incoming.defect))
        return Slow() if mode is Mode.SLOW else None

    def _next_line(self) -> bytes | None:
        """None: there is none yet, or the mode has changed."""
        mode, limit = self._mode, MAX_LINE
        while self._mode is mode:
            try:
                return self._lines.next_line(limit)
            except BareNewline:
                self.hang_up(replies.BARE_NEWLINE)
            except LineTooLong:
                if limit == MAX_LINE and (mode is CHALLENGE or self._lines.starts_with(b"AUTH ")):
                    limit = MAX_RESPONSE  # RFC 4954 §4
                    continue
                limit = MAX_LINE
                self._drop_line(mode)
        return None

    def _drop_line(self, mode: Mode) -> None:
        if self._penalties.long_line() is Verdict.END:
            self.hang_up(replies.LONG_LINE_AGAIN)
            return
        self._lines.discard_line()
        self._mode = COMMAND
        self._refuse(replies.LONG_RESPONSE if mode is CHALLENGE else replies.LINE_TOO_LONG)

    def _command(self, line: bytes) -> Event | None:
        try:
            command = parse_command(line, utf8=self._is_utf8)
        except BadCommand as error:
            return self._refuse_line(line, error)
        kind = type(command)
        if (kind in states.WAITS or not self._standing.is_esmtp) and self._talks_early(command):
            return None
        if not is_legal(self.state, kind, is_lmtp=self._standing.is_lmtp):
            self._refuse_order(command)
            return None
        if kind in states.JUNK and not self._allow_junk():
            return None
        if kind is c.Mail:
            self._is_excused = True
        refusal = self._standing.refusal(command) if kind in RESTRICTED else None
        if refusal is not None:
            self._refuse(refusal)
            return None
        if isinstance(command, states.OFTEN) and self._accepted < self._settings.max_recipients:
            return self._ask(command)
        return self._obey(command)

    def _obey(self, command: c.Command) -> Event | None:
        """Answer what the session can answer alone; ask the rest."""
        match command:
            case c.Rcpt() if self._accepted >= self._settings.max_recipients:
                self._write(replies.TOO_MANY_RECIPIENTS)
            case c.Bdat() if isinstance(self._incoming, Chunks):
                self._incoming.expect(command.size, is_last=command.is_last)
                self._mode = CONTENT
            case c.Burl():
                if not isinstance(self._incoming, Chunks):
                    self._incoming = Chunks(self._settings.max_message)
                self._incoming.expect(0, is_last=command.is_last)
                return self._ask(command)
            case c.Verb() if not command.is_on:
                self._is_verbose = False
                self._write(replies.VERBOSE_OFF)
            case c.Noop():
                self._write(replies.OK)
            case c.Help():
                self._write(help_reply(command.topic, self._standing.verbs()))
            case c.Quit():
                self.hang_up(replies.BYE)
            case _ if isinstance(command, ASKED):
                return self._ask(command)
            case _:
                self._refuse(replies.NOT_IMPLEMENTED)
        return None

    def _response(self, line: bytes) -> Event | None:
        """RFC 4954 §4: "*" cancels; 501 ends the exchange."""
        self._mode = COMMAND
        if line == b"*":
            self._refuse(replies.LOGIN_CANCELLED)
            return None
        try:
            return self._ask(Response(decode_base64(line)))
        except BadArguments as error:
            self._refuse(error.reply)
            return None

    def _content(self) -> Event | None:
        incoming = self._incoming
        if incoming is None:
            return None
        octets = incoming.read(self._lines)
        if incoming.is_complete:
            if incoming.is_last:
                self._mode = Mode.END
            elif isinstance(incoming, Chunks):
                self._finish_chunk(incoming)
        return Content(octets) if octets else None

    def _finish_chunk(self, incoming: Chunks) -> None:
        """RFC 3030 §2: each chunk has its reply."""
        self._mode = COMMAND
        if incoming.defect == "too-big":
            self.state = State.FAILED
            self._refuse(replies.MESSAGE_TOO_BIG)
        else:
            self._write(reply(250, "2.0.0", f"{incoming.chunk} octets received"))

    def _swallow_chunk(self, command: c.Bdat, answer: Reply) -> None:
        """RFC 3030 §2: exactly its octets, then the refusal."""
        self._to_swallow, self._refusal = command.size, answer
        self._mode = Mode.SWALLOW

    def _swallow(self) -> bool:
        """Read a refused chunk; True when it has come and is answered."""
        self._to_swallow -= len(self._lines.take(self._to_swallow))
        if self._to_swallow:
            return False
        self._mode = COMMAND
        self._refuse_in_group(self._refusal)
        return True

    # Questions and answers

    def _ask(self, question: Question) -> Question:
        self._question = question
        self._mode = ANSWER
        return question

    def _take_question(self) -> Question:
        question, self._question = self._question, None
        if question is None:
            raise RuntimeError("nothing was asked")
        self._mode = COMMAND
        return question

    def _advance(self, question: Question, answer: Reply) -> None:
        """A command was answered with success."""
        match question:
            case c.Rcpt():
                self._accepted += 1
            case c.Mail():
                self._is_utf8 = question.smtputf8
                self._is_excused = False
            case c.Data():
                self._incoming = Dots(self._settings.max_message)
                self._mode = CONTENT
            case c.Bdat():
                self._incoming = Chunks(self._settings.max_message)
                self._incoming.expect(question.size, is_last=question.is_last)
                self._mode = CONTENT
                self.state = State.CHUNKS
                return  # the chunk gets its reply when it has come
            case c.Burl() if isinstance(self._incoming, Chunks):
                self._mode = CONTENT  # ends as a chunk of BDAT does
                self.state = State.CHUNKS
                return
            case c.Rset():
                self._forget()
                self._is_excused = False
            case c.Verb():
                self._is_verbose = True
            case c.Vrfy() | c.Expn():
                self._output.append(answer.encode(verbose=self._is_verbose, utf8=question.utf8))
                return
            case _:  # STARTTLS: the state changes when TLS has begun
                self._write(answer)
                return
        self.state = TRANSITIONS[self.state][type(question)]
        self._write(answer)

    def _refuse_answer(self, question: Question, answer: Reply) -> None:
        """A command was answered with a refusal."""
        if isinstance(question, c.Bdat | c.Burl):
            self.state = State.FAILED
        is_of_envelope = isinstance(question, c.Mail | c.Rcpt)
        if isinstance(question, c.Bdat):
            self._swallow_chunk(question, answer)
        elif isinstance(question, c.Burl | Unknown) or (is_of_envelope and answer.is_permanent):
            self._refuse(answer)
        else:
            self._write(answer)

    def _write(self, answer: Reply) -> None:
        self._output.append(answer.encode(verbose=self._is_verbose))

    # Errors

    def _refuse(self, answer: Reply) -> None:
        """An error: write the reply, or end the session (RFC 5321 §3.8 allows 421)."""
        verdict = self._penalties.error()
        if verdict is Verdict.END:
            self.hang_up(replies.TOO_MANY_ERRORS)
            return
        self._write(answer)
        if verdict is Verdict.SLOW:
            self._mode = Mode.SLOW

    def _refuse_in_group(self, answer: Reply) -> None:
        """What is pipelined behind a refused MAIL is no error of its own."""
        if not self._is_excused:
            self._refuse(answer)
        elif self._allow_junk():
            self._write(answer)

    def _refuse_line(self, line: bytes, error: BadCommand) -> Event | None:
        if error.last is not None:
            if error.last is not error.reply:
                self._write(error.reply)
            self.hang_up(error.last)
        elif isinstance(error, UnknownVerb) and self._settings.asks_unknown:
            return self._ask(Unknown(line.decode("ascii"), error.reply))
        else:
            self._is_excused = self._is_excused or line[:4].upper() == b"MAIL"
            self._refuse(error.reply)
        return None

    def _refuse_order(self, command: c.Command) -> None:
        answer = misplaced(self.state, command, is_lmtp=self._standing.is_lmtp)
        if isinstance(command, c.Bdat):
            self._swallow_chunk(command, answer)
        elif isinstance(command, c.Rcpt | c.Data | c.Burl):
            self._refuse_in_group(answer)
        else:
            self._refuse(answer)

    def _allow_junk(self) -> bool:
        if self._penalties.junk() is Verdict.END:
            self.hang_up(replies.TOO_MANY_ERRORS)
            return False
        return True

    def _talks_early(self, command: object) -> bool:
        """End the session if the client has spoken before it could have heard the reply."""
        if not len(self._lines):
            return False
        is_tls = isinstance(command, c.StartTls)
        self.hang_up(replies.TALK_BEFORE_TLS if is_tls else replies.EARLY_TALK)
        return True

    def _close(self) -> None:
        self._mode = Mode.CLOSED
        self.state = State.CLOSED
        self._question = None
        self._lines = Lines()
