"""A whole IMAP door on a loopback port: real store, real post, real sockets.

Who lives here is fixed (``PEOPLE``); the directory is a small class, so that a login costs
no Argon2.
"""

import asyncio
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from postroom.access.login import Login
from postroom.blobs.store import BlobStore
from postroom.db.identity import ids_for
from postroom.db.open import open_database
from postroom.directory.directory import Directory
from postroom.directory.login import Identity, ScramKey, ScramKeys
from postroom.directory.secrets import Secrets
from postroom.errors import NotFound
from postroom.listen.caps import Caps
from postroom.listen.connections import Connections
from postroom.listen.door import Contexts
from postroom.listen.imap.conversation import Services
from postroom.listen.imap.door import ImapDoor, Settings
from postroom.listen.listener import Listener
from postroom.net.sockets import listeners
from postroom.notify import Notify
from postroom.post.commit import Post
from postroom.quota import Quota
from postroom.store.store import Store
from tests import certificates
from tests.access.neighbours import CAROL, PEOPLE, Neighbours, settle
from tests.conftest import Opener
from tests.directory.town import QUICK
from tests.fakes import Clock
from tests.listen.loops import run
from tests.listen.watch import Watch

PASSWORD = "secret"
SALT, ROUNDS = b"salt of 16 octet", 4096
PATIENCE = 60  # seconds for a line


class People:
    """Logins of these few, carol is an administrator; the rest of the directory is real."""

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        assert scope == "imap"
        if login not in PEOPLE or password != PASSWORD:
            return None
        return await self.identity(PEOPLE[login], 7)

    async def scram(self, login: str, scope: str) -> ScramKeys:
        assert scope == "imap"
        if login not in PEOPLE:
            return ScramKeys(account_id=0, salt=SALT, iterations=ROUNDS, candidates=())
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, ROUNDS)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        key = ScramKey(7, stored, hmac.digest(salted, b"Server Key", "sha256"))
        return ScramKeys(account_id=PEOPLE[login], salt=SALT, iterations=ROUNDS, candidates=(key,))

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        for address, ident in PEOPLE.items():
            if ident == account_id:
                return Identity(account_id, address, "", ident == CAROL, credential_id)
        raise NotFound("nobody")

    async def known(self, address: str) -> Identity | None:
        return await self.identity(PEOPLE[address], 0) if address in PEOPLE else None


class House:
    """The open door."""

    def __init__(
        self,
        store: Store,
        directory: Directory,
        services: Services,
        connections: Connections,
        watch: Watch,
    ) -> None:
        self.store = store
        self.directory = directory
        self.services = services
        self.connections = connections
        self.watch = watch
        self.port = 0
        self.clients: list[Client] = []

    def files(self) -> list[Path]:
        """Every body file, temporary or not."""
        place = Path(self.store.blobs.files.place(1)).parents[2]
        return [path for path in place.rglob("*") if path.is_file()]

    async def gone(self, left: int) -> None:
        """Wait until no more than this many connections are served."""
        async with asyncio.timeout(PATIENCE):
            while len(self.connections) > left:  # noqa: ASYNC110 - doors tell nobody that they close
                await asyncio.sleep(0.01)

    async def later(self, seconds: float) -> None:
        """So much time passes for the connections."""
        await self.watch.forward(seconds, self.connections)

    async def client(self, context: ssl.SSLContext | None = None) -> "Client":
        """A connection that has heard the greeting; with ``context`` inside TLS."""
        name = "localhost" if context else None
        client = Client(
            *await asyncio.open_connection(
                "127.0.0.1", self.port, ssl=context, server_hostname=name
            )
        )
        self.clients.append(client)
        client.greeting = await client.line()
        return client

    async def alice(self, mailbox: str = "") -> "Client":
        """A connection that has logged in, and selected a mailbox if one is named."""
        return await self.person("alice", mailbox)

    async def person(self, name: str, mailbox: str = "") -> "Client":
        """The same of another person."""
        client = await self.client()
        await client.ok(b"LOGIN %s@demo.test secret" % name.encode())
        if mailbox:
            await client.ok(b'SELECT "%s"' % mailbox.encode())
        return client

    async def share(self, owner: str, mailbox: str, to: str, rights: str) -> None:
        """Share a mailbox ("": the whole account) as the postmaster would; "" ends it."""
        people = Neighbours(self.store, self.directory)
        await people.share(PEOPLE[f"{owner}@demo.test"], mailbox, to, rights)


class Client:
    """Says lines, hears lines."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.greeting = b""
        self._number = 0

    async def line(self) -> bytes:
        """One line with its CRLF; b"" at the end."""
        return await asyncio.wait_for(self.reader.readline(), PATIENCE)

    async def say(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def command(self, command: bytes) -> list[bytes]:
        """The response lines, the tagged one last and without its tag."""
        self._number += 1
        tag = b"t%d " % self._number
        await self.say(tag + command + b"\r\n")
        lines: list[bytes] = []
        while True:
            line = await self.line()
            assert line, f"the connection ended after {lines}"
            if line.startswith(tag):
                return [*lines, line[len(tag) :]]
            lines.append(line)

    async def ok(self, command: bytes) -> list[bytes]:
        """The untagged lines of a command that must succeed."""
        lines = await self.command(command)
        assert lines[-1].startswith(b"OK "), lines
        return lines[:-1]

    async def append(self, letter: bytes, mailbox: bytes = b"INBOX") -> None:
        await self.ok(b"APPEND %s {%d+}\r\n%s" % (mailbox, len(letter), letter))

    async def append_many(self, letter: bytes, count: int) -> None:
        """The same letter so many times, in one command."""
        literals = b" {%d+}\r\n%s" % (len(letter), letter) * count
        await self.ok(b"APPEND INBOX" + literals)

    async def rest(self) -> bytes:
        """Everything until the server closes."""
        return await asyncio.wait_for(self.reader.read(), PATIENCE)

    def close(self) -> None:
        self.writer.close()


async def literal(client: Client, start: bytes) -> bytes:
    """The octets of a literal whose line begins like this."""
    line = await client.line()
    assert line.startswith(start), line
    size = int(line[line.rindex(b"{") + 1 : -3])
    return await asyncio.wait_for(client.reader.readexactly(size), PATIENCE)


@contextlib.asynccontextmanager
async def house(
    folder: Path,
    *,
    database: Opener | None = None,
    settings: Settings | None = None,
    contexts: Contexts | None = None,
    max_message: int = 10_000_000,
    quota: int = 0,
) -> AsyncIterator[House]:
    """Open the door; close everything afterwards. Without ``database`` on SQLite."""

    async def quota_of(account_id: int) -> Quota:
        return Quota(quota) if quota else await directory.quota_of(account_id)

    clock = Clock()
    notify = Notify()
    async with contextlib.AsyncExitStack() as closing:
        if database is None:
            db = await open_database(folder)
            closing.push_async_callback(db.close)
        else:
            db = await closing.enter_async_context(database())
        closing.callback(notify.close)
        ids = await ids_for(db, clock)
        blobs = BlobStore(folder, db.engine, ids)
        store = Store(db, blobs, ids, clock, notify, quota_of)
        directory = Directory(db, ids, clock, Secrets(folder / "secrets"), costs=QUICK)
        closing.callback(directory.close)
        await settle(directory, ids)
        services = Services(
            login=Login(People(), clock),
            store=store,
            sharing=directory,
            post=Post(db, blobs, notify, clock),
            clock=clock,
            max_message=max_message,
        )
        watch = Watch()
        connections = Connections(Caps(total=100, per_network=100), tick=0.01, clock=watch)
        chosen = settings or Settings(hostname="mail.demo.test", auth="plain", slow_seconds=0.0)
        listener = Listener(
            listeners("127.0.0.1", 0),
            lambda: ImapDoor(connections, services, chosen, contexts=contexts),
            implicit_tls=contexts if chosen.protocol == "imaps" else None,
        )
        await listener.open()
        opened = House(store, directory, services, connections, watch)
        opened.port = listener.port
        try:
            yield opened
        finally:
            for client in opened.clients:
                client.close()
            await listener.close()
            await connections.drain(1.0)


def at_home(
    data: Path,
    main: Callable[[House], Coroutine[Any, Any, None]],
    *,
    database: Opener | None = None,
    settings: Settings | None = None,
    max_message: int = 10_000_000,
    quota: int = 0,
) -> None:
    """Run ``main`` in a house without TLS."""

    async def within() -> None:
        async with house(
            data, database=database, settings=settings, max_message=max_message, quota=quota
        ) as opened:
            await main(opened)

    run("asyncio", within())


def tls_contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a client's context that trusts it."""
    return certificates.server("localhost"), certificates.client()
