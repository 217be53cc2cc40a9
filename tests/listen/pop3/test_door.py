import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from postroom.access.login import Login
from postroom.directory.login import Identity, ScramKeys
from postroom.listen.pop3.door import Pop3Door, Settings
from postroom.store.store import Store
from tests import certificates
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.fakes import Clock
from tests.listen import street
from tests.listen.loops import both_loops, run

LETTER = b"Subject: hello\r\n\r\nfirst\r\n.second\r\n"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 64 * 4096  # 4 MiB


class People:
    """A directory of one."""

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        assert scope == "pop3"
        good = (login, password) == ("alice@demo.test", "secret")
        return await self.identity(1, 7) if good else None

    async def scram(self, login: str, scope: str) -> ScramKeys:
        return ScramKeys(0, b"salt", 4096, ())

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        return Identity(account_id, "alice@demo.test", "Alice", False, credential_id)

    async def known(self, address: str) -> Identity | None:
        return await self.identity(1, 0) if address == "alice@demo.test" else None


class Client(street.Client):
    """A POP3 client that shows what was said."""

    async def line(self) -> bytes:
        return await self.reader.readline()

    async def ask(self, command: bytes) -> bytes:
        self.writer.write(command + b"\r\n")
        return await self.line()

    async def lines(self, command: bytes) -> bytes:
        """A multi-line answer, whole."""
        assert (await self.ask(command)).startswith(b"+OK")
        return await self.reader.readuntil(b"\r\n.\r\n")

    async def log_in(self) -> bytes:
        await self.ask(b"USER alice@demo.test")
        return await self.ask(b"PASS secret")


class Place(street.Street):
    """A door on a loopback port, and its store."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store

    async def client(self, *, greeted: bool = True) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        if greeted:
            assert (await client.line()).startswith(b"+OK mail.demo.test")
        return client


@contextlib.asynccontextmanager
async def place(database: Opener, data: Path, **settings: Any) -> AsyncIterator[Place]:
    server = certificates.server("127.0.0.1")
    async with shop(database, data) as store:
        there = Place(store)
        options = Settings(
            hostname="mail.demo.test",
            login=Login(People(), Clock()),
            store=store,
            connections=there.connections,
            contexts=lambda: server,
            tarpit=0,
            **({"auth": "plain"} | settings),
        )
        async with there.open(lambda: Pop3Door(options)):
            yield there


def play(
    loop: str, database: Opener, data: Path, script: Callable[[Place], Any], **settings: Any
) -> None:
    async def inside() -> None:
        async with place(database, data, **settings) as there:
            await script(there)

    run(loop, inside())


@both_loops
def test_a_whole_session(loop: str, database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        await put(there.store, LETTER, LARGE, prefix=b"Delivered-To: alice@demo.test\r\n")
        client = await there.client()
        assert await client.log_in() == b"+OK 2 messages (%d octets)\r\n" % (
            len(LETTER) + len(LARGE) + 62
        )
        assert (await client.lines(b"UIDL")).count(b"\r\n") == 3
        assert await client.lines(b"RETR 1") == (
            b"Delivered-To: alice@demo.test\r\nSubject: hello\r\n\r\nfirst\r\n..second\r\n.\r\n"
        )
        assert (await client.lines(b"TOP 1 0")).endswith(b"Subject: hello\r\n\r\n.\r\n")
        assert (await client.lines(b"TOP 2 0")).endswith(b"Subject: large\r\n\r\n.\r\n")
        await client.ask(b"DELE 1")
        assert await client.ask(b"QUIT") == b"+OK bye\r\n"
        await client.close()
        client = await there.client()
        assert (await client.log_in()).startswith(b"+OK 1 messages")
        await client.close()

    play(loop, database, data, script)


def test_a_large_message_is_streamed_whole(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        await put(there.store, LARGE)
        client = await there.client()
        await client.log_in()
        assert (await client.ask(b"RETR 1")).startswith(b"+OK")
        assert await client.reader.readexactly(len(LARGE)) == LARGE
        assert await client.line() == b"\r\n"
        assert await client.line() == b".\r\n"
        await client.close()

    play("uvloop", database, data, script)


def test_a_lost_connection_deletes_nothing(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        await put(there.store, LETTER)
        for end in (b"", b"QUI", b"RSET\r\nQUIT\r\n"):
            client = await there.client()
            await client.log_in()
            await client.ask(b"DELE 1")
            client.writer.write(end)
            client.writer.write_eof()
            await client.reader.read()
            await client.close()
        client = await there.client()
        assert (await client.log_in()).startswith(b"+OK 1 messages")
        await client.close()

    play("asyncio", database, data, script)


def test_deleted_elsewhere_is_an_error_not_a_wrong_message(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        await put(there.store, LETTER, LETTER)
        first, second = await there.client(), await there.client()
        await first.log_in()
        await second.log_in()
        await first.ask(b"DELE 1")
        await first.ask(b"QUIT")
        assert (await second.ask(b"RETR 1")).startswith(b"-ERR ")
        assert (await second.lines(b"RETR 2")).startswith(b"Subject: hello")
        await first.close()
        await second.close()

    play("asyncio", database, data, script)


@both_loops
def test_stls(loop: str, database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        assert b"STLS" in await client.ask(b"USER alice@demo.test")
        assert (await client.ask(b"STLS")).startswith(b"+OK")
        await client.writer.start_tls(certificates.client(), server_hostname="127.0.0.1")
        assert (await client.log_in()).startswith(b"+OK 0 messages")
        await client.close()

    play(loop, database, data, script, auth="tls")


@both_loops
def test_what_follows_stls_in_clear_is_refused(loop: str, database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        client.writer.write(b"STLS\r\nUSER alice@demo.test\r\nPASS secret\r\n")
        said = await client.reader.read()
        assert said.startswith(b"-ERR ")
        assert said.count(b"\r\n") == 1
        await client.close()

    play(loop, database, data, script)


def test_auth_plain(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        good = base64.b64encode(b"\0alice@demo.test\0secret")
        assert (await client.ask(b"AUTH PLAIN " + good)).startswith(b"+OK 0 messages")
        await client.close()
        client = await there.client()
        foreign = base64.b64encode(b"bob@demo.test\0alice@demo.test\0secret")
        assert (await client.ask(b"AUTH PLAIN " + foreign)).startswith(b"-ERR [AUTH]")
        assert (await client.ask(b"AUTH PLAIN AAAA")).startswith(b"-ERR ")
        await client.close()

    play("asyncio", database, data, script)


def test_wrong_passwords_end_the_connection(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        for _ in range(3):
            await client.ask(b"USER alice@demo.test")
            assert (await client.ask(b"PASS wrong")).startswith(b"-ERR [AUTH]")
        assert b"too many failed logins" in await client.reader.read()
        await client.close()

    play("asyncio", database, data, script, login_failures=3)


def test_silence_ends_the_session(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        await there.later(61)
        assert b"silent" in await client.reader.read()
        await client.close()

    play("asyncio", database, data, script)


def test_dribbled_octets_do_not_put_the_deadline_off(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        await client.log_in()
        for _ in range(3):  # each whole command begins another wait
            await there.later(9)
            assert await client.ask(b"NOOP") == b"+OK\r\n"
        await there.dribble(client, 9)

    play("asyncio", database, data, script, idle_seconds=10)


def test_all_commands_before_the_login_have_one_time(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        for _ in range(3):
            await there.later(3)
            assert (await client.ask(b"USER alice@demo.test")).startswith(b"+OK")
        await there.dribble(client, 0.9)

    play("asyncio", database, data, script, login_seconds=10)


def test_the_server_goes_down_in_order(database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        client = await there.client()
        await client.log_in()
        going = asyncio.ensure_future(there.connections.drain(5))
        assert await client.reader.read() == (
            b"-ERR [SYS/TEMP] the server is going down, try again later\r\n"
        )
        await client.close()
        await going

    play("asyncio", database, data, script)


@pytest.mark.parametrize("reason", ["unwelcome", "full", "failed"])
def test_last_words_are_temporary(reason: str, database: Opener, data: Path) -> None:
    async def script(there: Place) -> None:
        settings = Settings(
            hostname="h",
            login=Login(People(), Clock()),
            store=there.store,
            connections=there.connections,
        )
        assert Pop3Door(settings).last_words(reason).startswith(b"-ERR [SYS/TEMP]")

    play("asyncio", database, data, script)
