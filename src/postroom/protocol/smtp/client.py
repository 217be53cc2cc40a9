"""One SMTP or LMTP connection, client side, without I/O.

    session.receive(octets)
    while (event := session.next_event()) is not None:     # ServerFault: close
        if isinstance(event, Greeted): session.hello()
        elif isinstance(event, Ready): session.send(transaction)
        elif isinstance(event, StartContent): session.content(block); session.end_content()
        elif isinstance(event, TransactionDone): ...event.outcomes()
    write(session.data_to_send())

Replies are matched with commands strictly in order. With PIPELINING MAIL, all RCPT and DATA
leave in one group (RFC 2920 §3.1), and behind the end of the content, before it is
answered, the next transaction or QUIT may follow: look at ``can_send``. Without it commands
leave one by one. No content is sent for nobody; a transaction that stopped half-way is
followed by RSET before the next one.

However a connection ends, each transaction that was sent has its ``TransactionDone``: before
``Closing`` after 421, before next_event raises ``ServerFault``, and after the driver called
``connection_lost``. A method called at the wrong time raises RuntimeError; ``waits_for``
tells which time limit holds.

RFC 5321, RFC 2033 (LMTP), RFC 2920, RFC 3030, RFC 3207, RFC 4954.
"""

from collections import deque
from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from postroom.protocol.sasl.client import ClientMechanism
from postroom.protocol.smtp import client_commands as commands, client_events as events
from postroom.protocol.smtp.client_content import (
    MAX_CHUNK,
    NO_CONTENT,
    Outgoing,
    UnsafeContent,
    dotted,
    whole_lines,
)
from postroom.protocol.smtp.client_envelope import envelope, refusal
from postroom.protocol.smtp.client_events import ClientEvent
from postroom.protocol.smtp.client_login import Login
from postroom.protocol.smtp.client_outbox import Outbox
from postroom.protocol.smtp.client_progress import Progress
from postroom.protocol.smtp.client_replies import (
    ReplyParser,
    ServerFault,
    ServerReply,
    local_reply,
)
from postroom.protocol.smtp.client_states import LEGAL, WANTED, Call, Phase, Wait
from postroom.protocol.smtp.client_transaction import Transaction
from postroom.protocol.smtp.extensions import Extensions, parse_extensions
from postroom.protocol.smtp.settings import Dialect

MAX_PENDING: Final = 2  # transactions: one whose end is not answered, and the next

_HELLO: Final[Mapping[str, Callable[[str], bytes]]] = {
    "EHLO": commands.ehlo,
    "HELO": commands.helo,
    "LHLO": commands.lhlo,
}


class ClientSession:
    """The state of one connection; see the module's text for its use."""

    __slots__ = (
        "_events",
        "_fault",
        "_hostname",
        "_is_dirty",
        "_is_lmtp",
        "_latest",
        "_login",
        "_outbox",
        "_outgoing",
        "_parser",
        "_pending",
        "_verb",
        "extensions",
        "phase",
    )

    def __init__(self, hostname: str, *, dialect: Dialect = "SMTP") -> None:
        """``hostname`` is what we call ourselves; UnsafeArgument when it can't be a name."""
        commands.ehlo(hostname)
        self._hostname = hostname
        self._is_lmtp = dialect == "LMTP"
        self._verb = ""
        self._outbox = Outbox(Wait.GREETING)
        self._events: deque[ClientEvent] = deque()
        self._pending: deque[Progress] = deque()
        self._latest: Progress | None = None  # the last transaction that was written
        self._is_dirty = False  # the server holds half a transaction
        self._outgoing: Outgoing | None = None
        self._login: Login | None = None
        self._fault: ServerFault | None = None
        self._parser = ReplyParser()
        self.phase = Phase.CONNECTED
        self.extensions = Extensions()

    # What the driver reads

    @property
    def is_closed(self) -> bool:
        """Nothing more will come of this connection: write what is left and close it."""
        return self.phase is Phase.CLOSED

    @property
    def is_idle(self) -> bool:
        """Ready, and nothing is under way."""
        return self.phase is Phase.READY and not self._pending and not self._outbox.due

    @property
    def can_send(self) -> bool:
        """``send`` is legal now."""
        is_free = len(self._pending) < MAX_PENDING and self.phase is Phase.READY
        return is_free and self._may_follow(MAX_PENDING)

    @property
    def waits_for(self) -> Wait | None:
        """What the server must answer next; None while it is our turn."""
        due = self._outbox.due
        return due[0] if due else None

    def data_to_send(self) -> bytes:
        """Everything to be written now."""
        return self._outbox.take()

    # What the driver tells

    def receive(self, octets: bytes) -> None:
        """Keep octets that came from the server."""
        if self.phase is Phase.HANDSHAKE and octets:
            self._fail(ServerFault("octets came after 220 before TLS began"))
        elif self.phase is not Phase.CLOSED:
            self._parser.feed(octets)

    def hello(self) -> None:
        """Say EHLO, or LHLO; after a 5yz HELO follows by itself."""
        self._require("hello")
        self._say_hello("LHLO" if self._is_lmtp else "EHLO")

    def start_tls(self) -> None:
        """Say STARTTLS: ``BeginTls`` or ``TlsRefused`` comes."""
        self._require("start_tls", is_idle=True)
        self.phase = Phase.TLS
        self._outbox.say(commands.STARTTLS, Wait.STARTTLS)

    def tls_started(self) -> None:
        """Forget what was said before TLS and greet again (RFC 3207 §4.2).

        Raises ServerFault when the server has spoken in between.
        """
        if self._fault is not None:
            raise self._fault
        self._require("tls_started")
        self._parser = ReplyParser()
        self._is_dirty = False
        self._say_hello("LHLO" if self._is_lmtp else "EHLO")

    def authenticate(self, mechanism: ClientMechanism) -> None:
        """Say AUTH: ``Authenticated`` or ``AuthenticationFailed`` comes; or UnsafeArgument."""
        self._require("authenticate", is_idle=True)
        self._login = Login(mechanism)
        self.phase = Phase.AUTH
        self._outbox.say(self._login.command, Wait.AUTH)

    def send(
        self, transaction: Transaction, content: bytes | None = None, *, allow_chunking: bool = True
    ) -> None:
        """Begin a transaction; legal while ``can_send``.

        With ``content``, the whole message, the session sends it by itself, as one chunk
        where it can, and no ``StartContent`` comes. Raises UnsafeArgument or UnsafeContent,
        both ValueErrors; nothing has happened then.
        """
        self._require("send")
        if not self.can_send:
            raise RuntimeError("the transaction before is not that far")
        progress = Progress(transaction, is_lmtp=self._is_lmtp)
        reason = refusal(transaction, self.extensions)
        if reason is not None:
            progress.refuse(reason)
            self._pending.append(progress)
            self._report()
            return
        group = envelope(transaction, self.extensions)
        if content is not None:
            progress.content = whole_lines(content)
        if allow_chunking and self._fits_a_chunk(progress.content):
            progress.is_chunked = progress.is_sent = True
        self._write(progress, group)

    def content(self, octets: bytes) -> None:
        """The next block of the message, after ``StartContent``.

        Raises UnsafeContent before anything of the block is written; the connection must
        be closed then, for nothing else ends a message half-way.
        """
        self._write_content(octets)

    def end_content(self) -> None:
        """The message is complete; raises UnsafeContent like ``content``."""
        self._write_content(None)
        self._outgoing = None
        self._expect_end(self._pending[0])

    def quit(self) -> None:
        """Say QUIT; ``Closing`` comes when it is answered."""
        self._require("quit")
        if not self._may_follow(MAX_PENDING + 1):
            raise RuntimeError("a transaction is under way")
        self._outbox.say(commands.QUIT, Wait.QUIT)
        self.phase = Phase.QUIT

    def connection_lost(self, reason: str) -> None:
        """The connection broke, or the driver gave up waiting: nothing more will come.

        ``TransactionDone`` follows for what was under way, with 451 4.4.2 and the reason.
        """
        if self.phase is not Phase.CLOSED:
            self._end(local_reply(451, "4.4.2", reason))

    # Reading

    def next_event(self) -> ClientEvent | None:
        """The next news; None: more octets are needed. Raises ServerFault, once."""
        while not self._events:
            if self._fault is not None:
                fault, self._fault = self._fault, None
                raise fault
            if self.phase is Phase.CLOSED or self.phase is Phase.HANDSHAKE:
                return None
            try:
                reply = self._parser.next_reply()
                if reply is None:
                    return None
                self._take(reply)
            except ServerFault as fault:
                self._fail(fault)
        return self._events.popleft()

    def _take(self, reply: ServerReply) -> None:
        """One reply, for the command that waits longest."""
        if reply.code == 421:
            self._end(reply)
            self._events.append(events.Closing(reply))
            return
        outbox = self._outbox
        if not outbox.due:
            raise ServerFault(f"the server replied unasked: {reply}")
        wait = outbox.due[0]
        if reply.is_positive and reply.code not in WANTED[wait]:
            raise ServerFault(f"this does not answer {wait.name}: {reply}")
        outbox.due.popleft()
        self._handlers[wait](self, reply)
        outbox.say_next()

    # Writing

    def _say_hello(self, verb: str) -> None:
        self.extensions = Extensions()
        self._outbox.is_pipelining = False
        self.phase = Phase.HELLO
        self._verb = verb
        self._outbox.say(_HELLO[verb](self._hostname), Wait.HELLO)

    def _fits_a_chunk(self, content: bytes | None) -> bool:
        """Over LMTP, how many replies a chunk has would depend on how it is refused."""
        is_known = content is not None and len(content) <= MAX_CHUNK
        return is_known and not self._is_lmtp and self.extensions.chunking

    def _write(self, progress: Progress, group: list[tuple[bytes, Wait]]) -> None:
        outbox, latest = self._outbox, self._latest
        # A chunk that is not answered may yet be refused, and its transaction stay open.
        if self._is_dirty or (latest is not None and latest.is_chunked):
            progress.is_behind_reset = True
            outbox.say(commands.RSET, Wait.RSET)
        self._is_dirty = False
        self._latest = progress
        self._pending.append(progress)
        for octets, wait in group:
            outbox.say(octets, wait)
        if progress.is_chunked and progress.content is not None:
            size = commands.bdat(len(progress.content), is_last=True)
            outbox.say(size + progress.content, Wait.CHUNK)
        else:
            outbox.say(commands.DATA, Wait.DATA)

    def _write_content(self, block: bytes | None) -> None:
        """The next block, None for the end; what is unsafe ends the session unsaid."""
        outgoing = self._outgoing
        if outgoing is None:
            raise RuntimeError("no content is wanted")
        try:
            self._outbox.write(outgoing.finish() if block is None else outgoing.feed(block))
        except UnsafeContent as error:
            self._end(local_reply(554, "5.6.0", str(error)))
            raise

    def _expect_end(self, progress: Progress) -> None:
        progress.is_sent = True
        self._outbox.expect(Wait.END, progress.replies_due)

    # What is legal

    def _require(self, call: Call, *, is_idle: bool = False) -> None:
        if self.phase not in LEGAL[call] or (is_idle and not self.is_idle):
            raise RuntimeError(f"{call} has no place here: {self.phase.name}")

    def _may_follow(self, limit: int) -> bool:
        """A command may stand behind what is under way (RFC 2920 §3.1)."""
        pending = self._pending
        is_open = not pending or (pending[-1].is_sent and self.extensions.pipelining)
        return is_open and len(pending) < limit

    # The replies, a handler for each Wait

    def _on_greeting(self, reply: ServerReply) -> None:
        self.phase = Phase.GREETED if reply.is_positive else Phase.REFUSED
        self._events.append(events.Greeted(reply) if reply.is_positive else events.Refused(reply))

    def _on_hello(self, reply: ServerReply) -> None:
        """RFC 5321 §3.2: a server that does not know EHLO may know HELO."""
        if reply.is_positive:
            lines = reply.lines[:1] if self._verb == "HELO" else reply.lines
            self.extensions = parse_extensions(lines)
            self._outbox.is_pipelining = self.extensions.pipelining
            self.phase = Phase.READY
            self._events.append(events.Ready(self.extensions))
        elif reply.is_permanent and self._verb == "EHLO":
            self._say_hello("HELO")
        else:
            self.phase = Phase.REFUSED
            self._events.append(events.Refused(reply))

    def _on_starttls(self, reply: ServerReply) -> None:
        """CVE-2021-38371: what came with the 220 would be taken for TLS's own."""
        if not reply.is_positive:
            self.phase = Phase.READY
            self._events.append(events.TlsRefused(reply))
        elif not self._parser.is_empty:
            raise ServerFault("octets came after 220 before TLS began")
        else:
            self.phase = Phase.HANDSHAKE
            self._events.append(events.BeginTls())

    def _on_auth(self, reply: ServerReply) -> None:
        login = self._login
        if reply.code == 334 and login is not None:
            answer = login.answer(reply)
            self._outbox.say(answer, Wait.CANCEL if login.reason else Wait.AUTH)
        elif not reply.is_positive:
            self._end_login(events.AuthenticationFailed(reply))
        elif login is None or not login.is_complete:
            raise ServerFault("the server ended the login before it had proven itself")
        else:
            self._end_login(events.Authenticated(reply))

    def _on_cancel(self, reply: ServerReply) -> None:
        reason = "" if self._login is None else self._login.reason
        self._end_login(events.AuthenticationFailed(reply, reason))

    def _end_login(self, event: ClientEvent) -> None:
        self._login = None
        self.phase = Phase.READY
        self._events.append(event)

    def _on_mail(self, reply: ServerReply) -> None:
        progress = self._pending[0]
        progress.sender_reply = reply
        self._give_up_if_hopeless(progress)

    def _on_rcpt(self, reply: ServerReply) -> None:
        progress = self._pending[0]
        progress.add_recipient(reply)
        self._give_up_if_hopeless(progress)

    def _give_up_if_hopeless(self, progress: Progress) -> None:
        """Commands that have left have their replies; those that have not stay unsaid."""
        if self._outbox.has_unsaid and progress.is_hopeless:
            self._outbox.drop_unsaid()
            self._finish(progress, is_dirty=progress.is_sender_accepted)

    def _on_data(self, reply: ServerReply) -> None:
        progress = self._pending[0]
        if not reply.is_positive:
            progress.ending = reply
            self._finish(progress, is_dirty=progress.is_sender_accepted)
        elif not progress.is_wanted:
            self._send_nothing(progress, reply)
        elif progress.content is None:
            self._outgoing = Outgoing()
            self._events.append(events.StartContent(progress.transaction))
        else:
            self._outbox.write(dotted(progress.content))
            self._expect_end(progress)

    def _send_nothing(self, progress: Progress, reply: ServerReply) -> None:
        """RFC 2920 §3.1: a single dot. RFC 2033 §4.2 forbids a 354 that nobody answers for."""
        if self._is_lmtp:
            raise ServerFault(f"the server wants a message for nobody: {reply}")
        progress.is_sent = True
        self._outbox.say(NO_CONTENT, Wait.NOTHING)

    def _on_end(self, reply: ServerReply) -> None:
        progress = self._pending[0]
        progress.final.append(reply)
        if len(progress.final) == progress.replies_due:
            self._finish(progress, is_dirty=False)

    def _on_nothing(self, reply: ServerReply) -> None:
        del reply  # whatever the server made of no message for nobody
        self._finish(self._pending[0], is_dirty=False)

    def _on_chunk(self, reply: ServerReply) -> None:
        """RFC 3030 §2: after a refused chunk the transaction is still open."""
        progress = self._pending[0]
        if progress.is_wanted:
            progress.final.append(reply)
        self._finish(progress, is_dirty=not reply.is_positive)

    def _on_rset(self, reply: ServerReply) -> None:
        self._check_reset(reply)
        self._pending[0].is_behind_reset = False

    def _check_reset(self, reply: ServerReply) -> None:
        """RFC 5321 §4.1.1.5: the answer is 250 and nothing else."""
        if not reply.is_positive:
            raise ServerFault(f"the server refused RSET: {reply}")

    def _on_quit(self, reply: ServerReply) -> None:
        self._end(reply)
        self._events.append(events.Closing(reply))

    # Ends

    def _finish(self, progress: Progress, *, is_dirty: bool) -> None:
        """The first transaction is decided."""
        progress.is_sent = progress.is_decided = True
        if progress is self._latest:  # else RSET has left already
            self._is_dirty = is_dirty
            self._latest = None
        self._report()

    def _report(self) -> None:
        while (pending := self._pending) and pending[0].is_decided:
            self._events.append(pending.popleft().done())

    def _fail(self, fault: ServerFault) -> None:
        self._end(local_reply(451, "4.5.0", f"The server broke the protocol: {fault.reason}"))
        self._fault = fault

    def _end(self, ending: ServerReply) -> None:
        """Nothing more is said; ``ending`` decides what is not decided yet."""
        for number, progress in enumerate(self._pending):
            progress.ending = ending
            is_behind = bool(number) or progress.is_behind_reset
            is_attempted = not is_behind or progress.is_decided
            if progress.is_chunked and self._outbox.is_pipelining and ending.is_local:
                is_attempted = True  # all of it has left; it may have been taken
            self._events.append(progress.done(is_attempted=is_attempted))
        self._pending.clear()
        self._outbox.clear()
        self._outgoing = self._login = None
        self.phase = Phase.CLOSED

    _handlers: ClassVar[Mapping[Wait, Callable[["ClientSession", ServerReply], None]]] = {
        Wait.GREETING: _on_greeting,
        Wait.HELLO: _on_hello,
        Wait.STARTTLS: _on_starttls,
        Wait.AUTH: _on_auth,
        Wait.CANCEL: _on_cancel,
        Wait.MAIL: _on_mail,
        Wait.RCPT: _on_rcpt,
        Wait.DATA: _on_data,
        Wait.END: _on_end,
        Wait.NOTHING: _on_nothing,
        Wait.CHUNK: _on_chunk,
        Wait.RSET: _on_rset,
        Wait.QUIT: _on_quit,
    }
