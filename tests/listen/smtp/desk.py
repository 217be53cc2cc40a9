"""A small intake and a whole SMTP door on a loopback port, for the tests of both.

``local.test`` has alice (Alice Liddell), bob and full (whose mailbox is full), a list team
with both and a hidden list board. ``Desk.messages`` is what was accepted.
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Final

from postroom.access.login import Login
from postroom.directory.login import Identity, ScramKey, ScramKeys
from postroom.errors import MailboxFull, NotFound, StorageFailed
from postroom.intake.peer import Peer
from postroom.intake.services import Quote
from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.listener import Listener
from postroom.listen.smtp.door import Settings, SmtpDoor
from postroom.net.sockets import listeners
from postroom.policy.tarpit import Tarpit
from postroom.protocol.smtp import replies
from postroom.protocol.smtp.commands import Mail, Rcpt
from postroom.protocol.smtp.events import Defect, Unknown
from postroom.protocol.smtp.replies import Reply, reply
from postroom.protocol.smtp.settings import Settings as SessionSettings
from tests import certificates
from tests.fakes import Clock
from tests.listen.watch import Watch

PASSWORD: Final = "wonder land"
SALT, ROUNDS = b"salt of 16 octet", 4096
NAMES: Final = {"alice": "Alice Liddell", "bob": "Bob", "full": "Full"}
QUOTES: Final = {
    "imap://alice@mx.test/a": (b"Subject: a\r\n", b"\r\nhello\r\n"),
    "imap://alice@mx.test/b": (b"part of a line",),
    "imap://alice@mx.test/cr": (b"x\r",),
    "imap://alice@mx.test/large": (b"x" * 600, b"x" * 600),
    "imap://alice@mx.test/broken": (b"x", b""),
    "imap://alice@mx.test/empty": (),
}
UNTOLD: Final = reply(252, "2.0.0", "Perhaps")
DEFECTS: Final = {
    "too-big": replies.MESSAGE_TOO_BIG,
    "nul": reply(550, "5.6.0", "NUL"),
    "bare-newline": reply(550, "5.6.0", "Bare CR or LF"),
}


@dataclasses.dataclass(frozen=True)
class Message:
    """One accepted message."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    commands: tuple[Mail | Rcpt, ...] = ()


@dataclasses.dataclass
class Desk:
    """Remembers what was accepted, and every peer that came."""

    messages: list[Message] = dataclasses.field(default_factory=list)
    peers: list[Peer] = dataclasses.field(default_factory=list)
    closed: int = 0
    hold: asyncio.Event | None = None  # the end of a message waits for it
    fault: Exception | None = None  # raised at the end of a message
    suspicion: int = 0
    judged: asyncio.Event | None = None  # the suspicion is known from then on
    is_patient: bool = False  # with those who speak early
    early: int = 0  # how often that was told
    mechanism: str = ""  # of the last login

    def open(self, peer: Peer) -> "Talk":
        self.peers.append(peer)
        return Talk(self, peer)


class Talk:
    """One session."""

    def __init__(self, desk: Desk, peer: Peer) -> None:
        self.desk = desk
        self.peer = peer
        self.identity: Identity | None = None
        self.reset()

    def reset(self) -> None:
        self.commands: list[Mail | Rcpt] = []
        self.sender = ""
        self.recipients: list[str] = []
        self.content_octets = b""

    def spoke_early(self) -> bool:
        self.desk.early += 1
        return self.desk.is_patient

    async def score(self, seconds: float) -> int:
        if self.desk.judged is not None:
            await self.desk.judged.wait()
        return self.desk.suspicion

    async def greet(self, helo: str, esmtp: bool) -> Reply | None:
        self.reset()
        return reply(550, "5.7.1", "Not you") if helo == "unwelcome.test" else None

    async def mail(self, event: Mail) -> Reply:
        if event.sender is not None and event.sender.domain.ascii == "refused.test":
            return reply(550, "5.7.1", "Not that sender")
        self.reset()
        self.commands.append(event)
        self.sender = str(event.sender or "")
        return replies.SENDER_OK

    async def rcpt(self, event: Rcpt) -> Reply:
        recipient = event.recipient
        if recipient is not None:
            is_ours = recipient.domain.ascii == "local.test"
            if not is_ours and self.identity is None:
                return reply(550, "5.7.1", "Relaying denied")
            if is_ours and recipient.local not in NAMES:
                return reply(550, "5.1.1", "No such mailbox").because(["it is unknown"])
            if is_ours and recipient.local == "full":
                raise MailboxFull
        self.commands.append(event)
        self.recipients.append(str(recipient or "postmaster"))
        return replies.RECIPIENT_OK.because([f"{self.recipients[-1]} is local"])

    async def data(self) -> Reply:
        if self.sender == "nodata@a.test":
            return reply(451, "4.3.0", "Not now")
        return replies.START_CONTENT

    async def quote(self, url: str) -> Quote | Reply:
        if self.identity is None or url not in QUOTES:
            return replies.NO_SUCH_URL

        async def pieces() -> AsyncIterator[bytes]:
            for piece in QUOTES[url]:
                if not piece:
                    raise StorageFailed
                yield piece

        return sum(map(len, QUOTES[url])), pieces()

    async def content(self, octets: bytes) -> None:
        self.content_octets += octets

    async def end(self, defect: Defect | None) -> list[Reply]:
        message = Message(
            self.sender, tuple(self.recipients), self.content_octets, tuple(self.commands)
        )
        self.reset()
        if self.desk.hold is not None:
            await self.desk.hold.wait()
        if self.desk.fault is not None:
            raise self.desk.fault
        if defect is not None:
            answer = DEFECTS[defect]
        else:
            self.desk.messages.append(message)
            answer = reply(250, "2.0.0", f"Accepted, number {len(self.desk.messages)}")
        if self.peer.is_lmtp:
            return [answer] * len(message.recipients)
        return [answer]

    async def vrfy(self, argument: str, *, utf8: bool = False) -> Reply:
        if self.identity is None and not self.peer.trusted:
            return UNTOLD
        local = argument.strip("<>").removesuffix("@local.test")
        if local not in NAMES:
            return reply(550, "5.1.1", "Unknown")
        return reply(250, "2.1.5", f"{NAMES[local]} <{local}@local.test>")

    async def expn(self, argument: str, *, utf8: bool = False) -> Reply:
        if self.identity is None and not self.peer.trusted:
            return UNTOLD
        if argument == "team":
            return reply(250, "2.1.5", "Alice Liddell <alice@local.test>", "Bob <bob@local.test>")
        return reply(550, "5.1.1", "Unknown")

    async def verb(self) -> Reply:
        if self.identity is None and not self.peer.trusted:
            return replies.NOT_ALLOWED_HERE
        return replies.VERBOSE_ON

    async def unknown(self, command: Unknown) -> Reply:
        return reply(554, "5.7.1", "Not that") if command.line == "WIZ" else command.reply

    async def authenticated(self, identity: Identity, mechanism: str = "") -> None:
        self.identity = identity
        self.desk.mechanism = mechanism

    async def close(self) -> None:
        self.desk.closed += 1
        self.reset()


class People:
    """A directory in which alice can log in."""

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        assert scope == "smtp"
        if login == "slow@local.test":
            raise MailboxFull  # any trouble that is not the client's
        if login != "alice@local.test" or password != PASSWORD:
            return None
        return await self.identity(1, 7)

    async def scram(self, login: str, scope: str) -> ScramKeys:
        if login != "alice@local.test":
            return ScramKeys(account_id=0, salt=SALT, iterations=ROUNDS, candidates=())
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, ROUNDS)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        key = ScramKey(7, stored, hmac.digest(salted, b"Server Key", "sha256"))
        return ScramKeys(account_id=1, salt=SALT, iterations=ROUNDS, candidates=(key,))

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        if account_id != 1:
            raise NotFound("nobody")
        return Identity(1, "alice@local.test", NAMES["alice"], False, credential_id)

    async def known(self, address: str) -> Identity | None:
        return await self.identity(1, 0) if address == "alice@local.test" else None


async def no_sleep(seconds: float) -> None:
    """Failed logins cost no time here."""


def new_login() -> Login:
    return Login(People(), Clock(), no_sleep)


class House:
    """One open SMTP door."""

    def __init__(
        self,
        session: SessionSettings,
        *,
        total: int = 1000,
        per_network: int = 1000,
        **options: object,
    ) -> None:
        self.desk = Desk()
        self.watch = Watch()
        caps = Caps(total=total, per_network=per_network)
        self.connections = Connections(caps, tick=0.01, grace=0.1, clock=self.watch)
        self.context = certificates.server("localhost")
        self.settings = Settings(
            session=session,
            intake=self.desk,
            login=new_login(),
            connections=self.connections,
            contexts=lambda: self.context,
            tarpit=Tarpit(0.0, 100),
            **options,  # type: ignore[arg-type]
        )
        self.port = 0
        self.listener: Listener | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["House"]:
        implicit = self.settings.contexts if self.settings.implicit_tls else None
        self.listener = Listener(
            listeners("127.0.0.1", 0), lambda: SmtpDoor(self.settings), implicit_tls=implicit
        )
        await self.listener.open()
        self.port = self.listener.port
        try:
            yield self
        finally:
            await self.listener.close()
            await self.connections.drain(1)
            assert self.connections.caps.open == 0

    async def later(self, seconds: float) -> None:
        """So much time passes for the connections."""
        await self.watch.forward(seconds, self.connections)

    @contextlib.asynccontextmanager
    async def client(self, *, tls: bool = False) -> AsyncIterator["Client"]:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1",
            self.port,
            ssl=certificates.client() if tls else None,
            server_hostname="localhost" if tls else None,
        )
        client = Client(reader, writer)
        try:
            yield client
        finally:
            await client.close()


class Client:
    """A client over a socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, octets: bytes) -> None:
        self.writer.write(octets)

    async def line(self) -> str:
        return (await self.reader.readline()).decode().removesuffix("\r\n")

    async def lines(self, count: int) -> list[str]:
        return [await self.line() for _ in range(count)]

    async def say(self, *commands: str) -> list[str]:
        """The lines of the reply to the last of these, which are pipelined."""
        self.writer.write("".join(f"{command}\r\n" for command in commands).encode())
        answer: list[str] = []
        for _ in commands:
            answer = [await self.line()]
            while answer[-1][3:4] == "-":
                answer.append(await self.line())
        return answer

    async def start_tls(self) -> None:
        await self.writer.start_tls(certificates.client(), server_hostname="localhost")

    async def rest(self) -> str:
        """All that is said until the server closes."""
        try:
            return (await self.reader.read()).decode()
        except ConnectionResetError:
            return "(reset)"

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()
