"""A small real SMTP server on loopback that keeps what it gets, and which can misbehave.

    async with SmtpServer() as sink:
        sink.fault("RCPT nobody@b.test", "550 5.1.1 Nobody")     # always
        sink.fault("DATA", "451 4.3.0 Later", times=1)
        sink.fault("END", Act.DROP)                              # after the dot, no answer
        ...
        [one] = sink.taken
        one.sender, one.recipients, one.octets, one.tls, one.login

Events are GREETING, EHLO, HELO, STARTTLS, AUTH, MAIL, RCPT, DATA, CONTENT (in the middle of
it), END, BDAT, RSET and QUIT; MAIL and RCPT may be followed by the address. ``reached``
knows of CROWD as well, followed by how many connections there are. An event has one fault at a time: a reply in place of the usual one (421 closes), an ``Act``, or an
``asyncio.Event`` that is waited for before the usual answer. ``offers`` and the other
settings may be changed at any time. Only CR LF ends a line, and only CR LF . CR LF a message:
what a client smuggles is not hidden by kindness.
"""

import asyncio
import contextlib
import enum
import hashlib
import ssl
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

import msgspec

from postroom.protocol.sasl import mechanisms
from postroom.protocol.sasl.steps import Challenge, Granted
from rig.smtp_login import known
from rig.smtp_octets import BLOCK, Gone, Octets

HOST: Final = "127.0.0.1"
OFFERS: Final = (
    "PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "ENHANCEDSTATUSCODES",
)  # fmt: skip
_GOODBYE_SECONDS: Final = 1.0


class Act(enum.Enum):
    """What a server may do in place of an answer."""

    DROP = enum.auto()  # the connection is cut
    SILENT = enum.auto()  # nothing, until the client goes away
    BREAK = enum.auto()  # STARTTLS: 220, and rubbish for a handshake
    INJECT = enum.auto()  # STARTTLS: another reply comes in clear behind the 220


Answer = str | Act | asyncio.Event


@dataclass
class Transaction:
    """What came in one; ``reply`` is "" until its content was answered.

    ``octets`` are empty when the server keeps none; ``size`` and ``digest`` tell of them.
    """

    connection: int
    sender: str
    parameters: list[str]
    tls: str
    login: str
    recipients: list[str] = field(default_factory=list)  # that were accepted
    recipient_parameters: list[list[str]] = field(default_factory=list)
    octets: bytes = b""
    size: int = 0
    digest: str = ""
    is_chunked: bool = False
    reply: str = ""


class _Fault(msgspec.Struct):
    event: str
    answer: Answer
    left: int  # how often yet; below 0 for ever
    skipped: int  # how often not, before


class _Cut(Gone):
    """At once, whatever was still to be said."""


@dataclass
class SmtpServer:
    """One server. On the loop that enters it; ``port`` is chosen there and kept."""

    name: str = "sink.test"
    offers: tuple[str, ...] = OFFERS
    tls: ssl.SSLContext | None = None  # offers STARTTLS
    is_implicit: bool = False  # TLS from the first octet
    users: dict[str, str] = field(default_factory=dict)  # login and password: AUTH is offered
    mechanisms: tuple[str, ...] = ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    must_log_in: bool = False
    mailmax: int = 0  # 421 after so many transactions; 0: never
    rcptmax: int = 0  # 452 4.5.3 after so many recipients
    keeps_octets: bool = True
    host: str = HOST
    port: int = 0
    received: list[Transaction] = field(default_factory=list)  # all whose content came whole
    conversations: list[list[str]] = field(default_factory=list)  # command lines, a connection
    most_at_once: int = 0  # connections

    def __post_init__(self) -> None:
        self._faults: list[_Fault] = []
        self._reached: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.open_now = 0

    @property
    def taken(self) -> list[Transaction]:
        """Those that were answered with success."""
        return [one for one in self.received if one.reply.startswith("2")]

    @property
    def lines(self) -> list[str]:
        """All commands of all connections."""
        return [line for one in self.conversations for line in one]

    def verbs(self, number: int) -> list[str]:
        """The verbs of one connection, in order."""
        return [line.split(" ")[0].upper() for line in self.conversations[number]]

    def fault(self, event: str, answer: Answer, times: int = -1, *, after: int = 0) -> None:
        """``times`` times, when the event came ``after`` times; in place of its fault before."""
        self.heal(event)
        self._faults.append(_Fault(event, answer, times, after))

    def heal(self, event: str = "") -> None:
        """No fault any more; "" for all events."""
        self._faults = [one for one in self._faults if event and one.event != event]

    def reached(self, event: str) -> asyncio.Event:
        """Set when the event comes."""
        return self._reached.setdefault(event, asyncio.Event())

    def came(self, event: str, argument: str) -> Answer | None:
        """Count the event; the fault it has."""
        names = (f"{event} {argument}", event) if argument else (event,)
        for name in names:
            if name in self._reached:
                self._reached[name].set()
        for name in names:
            for one in self._faults:
                if one.event != name or one.left == 0:
                    continue
                if one.skipped > 0:
                    one.skipped -= 1
                    continue
                one.left -= 1
                return one.answer
        return None

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(
            self._connected,
            self.host,
            self.port,
            ssl=self.tls if self.is_implicit else None,
            limit=2 * BLOCK,
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop; it can be entered once more on the same port."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.open_now += 1
        self.most_at_once = max(self.most_at_once, self.open_now)
        self.came("CROWD", str(self.open_now))
        try:
            await _Conversation(self, reader, writer).run()
        except (_Cut, OSError, asyncio.CancelledError):  # cancelled by ``__aexit__`` only
            writer.transport.abort()
        except Gone:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await writer.drain()
                    writer.close()
                    await writer.wait_closed()
        finally:
            self.open_now -= 1
            self._tasks.discard(task)
            writer.transport.abort()


class _Conversation:
    """One connection."""

    def __init__(
        self, server: SmtpServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server = server
        self._octets = Octets(reader, writer)
        self._writer = writer
        self._number = len(server.conversations)
        self._lines: list[str] = []
        server.conversations.append(self._lines)
        self._tls = self._version() if server.is_implicit else ""
        self._login = ""
        self._begun = 0
        self._now: Transaction | None = None
        self._chunks = bytearray()

    async def run(self) -> None:
        """Until either side ends it."""
        await self._say("GREETING", "", f"220 {self._server.name} ESMTP")
        while True:
            line = (await self._octets.line()).decode("utf-8", "replace")
            self._lines.append(line)
            verb, _, rest = line.partition(" ")
            await self._command(verb.upper(), rest)

    async def _command(self, verb: str, rest: str) -> None:
        match verb:
            case "EHLO":
                await self._say(verb, "", self._ehlo())
            case "HELO" | "RSET":
                self._now = None
                await self._say(verb, "", f"250 {self._server.name}")
            case "STARTTLS":
                await self._starttls()
            case "AUTH":
                await self._auth(rest)
            case "MAIL":
                await self._mail(rest)
            case "RCPT":
                await self._rcpt(rest)
            case "DATA":
                await self._data()
            case "BDAT":
                await self._bdat(rest)
            case "QUIT":
                await self._say(verb, "", "221 2.0.0 Bye")
                raise Gone
            case _:
                self._write(f"500 5.5.2 {verb} is not known here")

    # Envelope

    def _ehlo(self) -> str:
        server = self._server
        lines = [server.name, *server.offers]
        if server.tls is not None and not self._tls:
            lines.append("STARTTLS")
        if server.users and server.mechanisms:
            lines.append("AUTH " + " ".join(server.mechanisms))
        return "\r\n".join(
            [
                f"250{' ' if place == len(lines) - 1 else '-'}{one}"
                for place, one in enumerate(lines)
            ]
        )

    async def _mail(self, rest: str) -> None:
        server = self._server
        sender, parameters = _path(rest)
        if server.must_log_in and not self._login:
            self._write("530 5.7.0 Log in first")
            return
        if server.mailmax and self._begun >= server.mailmax:
            self._write("421 4.7.0 Enough for this connection")
            raise Gone
        if self._now is not None:
            self._write("503 5.5.1 There is a transaction already")
            return
        self._begun += 1
        if await self._say("MAIL", sender, "250 2.1.0 Sender OK"):
            self._now = Transaction(self._number, sender, parameters, self._tls, self._login)
            self._chunks.clear()

    async def _rcpt(self, rest: str) -> None:
        now = self._now
        address, parameters = _path(rest)
        if now is None:
            self._write("503 5.5.1 MAIL first")
            return
        most = self._server.rcptmax
        if most and len(now.recipients) >= most:
            self._write("452 4.5.3 Too many recipients")
        elif await self._say("RCPT", address, "250 2.1.5 Recipient OK"):
            now.recipients.append(address)
            now.recipient_parameters.append(parameters)

    # Content

    async def _data(self) -> None:
        now = self._now
        if now is None or not now.recipients:
            self._write("503 5.5.1 RCPT first")
            return
        if not await self._say("DATA", "", "354 Go on"):
            self._now = None
            return
        digest, kept = hashlib.sha256(), bytearray()
        previous = b"\r\n"
        while True:
            block, is_last = await self._octets.block(previous)
            lines = (previous + block).replace(b"\r\n..", b"\r\n.")[len(previous) :]
            previous = (previous + block)[-2:]
            now.size += len(lines)
            digest.update(lines)
            if self._server.keeps_octets:
                kept += lines
            if is_last:
                break
            await self._interrupt("CONTENT")
        await self._finish("END", now, bytes(kept), digest.hexdigest())

    async def _bdat(self, rest: str) -> None:
        words = rest.upper().split()
        size = int(words[0])
        self._chunks += await self._octets.exactly(size)
        now = self._now
        if now is None or not now.recipients:
            self._write("503 5.5.1 RCPT first")
            return
        if "LAST" not in words:
            await self._say("BDAT", "", "250 2.0.0 Go on")
            return
        now.is_chunked = True
        now.size = len(self._chunks)
        octets = bytes(self._chunks)
        await self._finish("BDAT", now, octets, hashlib.sha256(octets).hexdigest())

    async def _finish(self, event: str, now: Transaction, octets: bytes, digest: str) -> None:
        server = self._server
        now.octets = octets if server.keeps_octets else b""
        now.digest = digest
        server.received.append(now)
        self._now = None
        said = f"250 2.0.0 Taken as {len(server.received)}"
        answer = server.came(event, "")
        now.reply = answer if isinstance(answer, str) else ""
        await self._answer(answer, said)
        now.reply = now.reply or said

    # TLS and login

    async def _starttls(self) -> None:
        server = self._server
        answer = server.came("STARTTLS", "")
        if server.tls is None and answer is None:
            self._write("502 5.5.1 No TLS here")
            return
        if answer is Act.BREAK:
            self._writer.write(b"220 Go\r\n")
            await self._octets.more()
            self._writer.write(b"This is no TLS at all, whatever you may think of it.\r\n")
            await self._writer.drain()
            raise Gone
        if answer is Act.INJECT:
            self._writer.write(b"220 Go\r\n250 2.0.0 said too early\r\n")
        elif not await self._answer(answer, "220 Go"):
            return
        await self._writer.drain()
        self._octets.forget()
        assert server.tls is not None
        try:
            await self._writer.start_tls(server.tls)
        except (OSError, ssl.SSLError) as error:
            raise Gone from error
        self._tls = self._version()
        self._now = None

    def _version(self) -> str:
        found = self._writer.get_extra_info("ssl_object")
        return str(found.version()) if found is not None else ""

    async def _auth(self, rest: str) -> None:
        server = self._server
        answer = server.came("AUTH", "")
        if answer is not None:
            await self._answer(answer, "235 2.7.0 Welcome")
            return
        name, _, initial = rest.partition(" ")
        mechanism = mechanisms.start(name, nonce="rignonce")
        if mechanism is None or name not in server.mechanisms:
            self._write("504 5.5.4 Not this way")
            return
        step = mechanism.step(None if not initial else b64decode(initial.replace("=", "") + "=="))
        while True:
            step = known(server.users, mechanism, step)
            if not isinstance(step, Challenge):
                break
            self._write(f"334 {b64encode(step.octets).decode()}")
            response = await self._octets.line()
            self._lines.append("(response)")
            if response == b"*":
                self._write("501 5.7.0 As you like")
                return
            step = mechanism.step(b64decode(response))
        if isinstance(step, Granted):
            self._login = step.login
            self._write("235 2.7.0 Welcome")
        else:
            self._write("535 5.7.8 Wrong name or password")

    # Lines

    async def _say(self, event: str, argument: str, usual: str) -> bool:
        """Answer a command; whether it was with success."""
        return await self._answer(self._server.came(event, argument), usual)

    async def _answer(self, answer: Answer | None, usual: str) -> bool:
        if isinstance(answer, asyncio.Event):
            await self._writer.drain()
            await answer.wait()
            answer = None
        if isinstance(answer, Act):
            await self._act(answer)
        said = usual if answer is None else str(answer)
        self._write(said)
        if said.startswith("421"):
            await self._writer.drain()
            raise Gone
        return said[:1] in "23"

    async def _interrupt(self, event: str) -> None:
        answer = self._server.came(event, "")
        if isinstance(answer, Act):
            await self._act(answer)
        elif isinstance(answer, asyncio.Event):
            await answer.wait()
        elif answer is not None:
            self._write(answer)
            await self._writer.drain()
            raise Gone

    async def _act(self, act: Act) -> None:
        if act is Act.SILENT:
            await self._octets.silence()
        raise _Cut

    def _write(self, reply: str) -> None:
        self._writer.write(reply.encode() + b"\r\n")


def _path(rest: str) -> tuple[str, list[str]]:
    """``FROM:<a@b> X=Y`` in its parts."""
    path, _, parameters = rest.partition(">")
    return path.partition("<")[2], parameters.split()
