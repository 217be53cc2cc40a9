"""The ManageSieve door on a loopback port, with a real directory behind it."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from postroom.access.login import Login
from postroom.access.scripts import Scripts
from postroom.directory.accounts import Account
from postroom.directory.scripts import Room
from postroom.listen.managesieve.door import ManageSieveDoor, Settings
from postroom.telemetry import sink
from postroom.telemetry.session_events import SessionFailed
from tests import certificates
from tests.conftest import Opener
from tests.directory.town import Town, towns
from tests.fakes import Recorder
from tests.listen import street
from tests.listen.loops import both_loops, run

PASSWORD = "open sesame"
ROOM = Room(3, 2000)
_SIZE = re.compile(rb"\{([0-9]+)\}\r\n\Z")


class Client(street.Client):
    """A ManageSieve client that shows what was said."""

    async def line(self) -> bytes:
        """One line with the literals in it."""
        said = await self.reader.readline()
        while (size := _SIZE.search(said)) is not None:
            said += await self.reader.readexactly(int(size[1])) + await self.reader.readline()
        return said

    async def answer(self) -> bytes:
        """All up to OK, NO or BYE."""
        said = b""
        while line := await self.line():
            said += line
            if line.startswith((b"OK", b"NO", b"BYE")):
                break
        return said

    async def ask(self, command: bytes) -> bytes:
        self.writer.write(command + b"\r\n")
        return await self.answer()

    async def put(self, name: str, script: bytes) -> bytes:
        return await self.ask(b'PUTSCRIPT "%b" {%d+}\r\n%b' % (name.encode(), len(script), script))

    async def log_in(self, who: str = "alice@demo.test", password: str = PASSWORD) -> bytes:
        encoded = base64.b64encode(f"\0{who}\0{password}".encode())
        return await self.ask(b'AUTHENTICATE "PLAIN" "%b"' % encoded)

    async def start_tls(self) -> bytes:
        assert await self.ask(b"STARTTLS") == b'OK "Begin TLS"\r\n'
        await self.writer.start_tls(certificates.client(), server_hostname="127.0.0.1")
        return await self.answer()


class Place(street.Street):
    """A door, and the directory of alice and bob behind it."""

    def __init__(self, town: Town) -> None:
        super().__init__()
        self.town = town
        self.alice: Account

    async def client(self, *, greeted: bool = True) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        if greeted:
            assert (await client.answer()).startswith(b'"IMPLEMENTATION" "Postroom"\r\n')
        return client

    async def known(self) -> Client:
        client = await self.client()
        assert (await client.log_in()).startswith(b"OK")
        return client


@contextlib.asynccontextmanager
async def place(
    database: Opener, data: Path, room: Room = ROOM, **settings: Any
) -> AsyncIterator[Place]:
    server = certificates.server("127.0.0.1")
    async with towns(database, data)() as town:
        await town.domain("demo.test")
        there = Place(town)
        options = Settings(
            login=Login(town.directory, town.clock),
            scripts=Scripts(town.directory, town.ids, town.clock, room),
            connections=there.connections,
            extensions=("fileinto", "vacation"),
            max_redirects=4,
            contexts=lambda: server,
            tarpit=0,
            **({"auth": "plain"} | settings),
        )
        there.alice = await town.account("alice@demo.test", password=PASSWORD)
        await town.account("bob@demo.test", password="of bob")
        async with there.open(lambda: ManageSieveDoor(options)):
            yield there


def play(
    loop: str,
    database: Opener,
    data: Path,
    story: Callable[[Place], Awaitable[None]],
    **settings: Any,
) -> None:
    async def inside() -> None:
        async with place(database, data, **settings) as there:
            await story(there)

    run(loop, inside())


@both_loops
def test_a_script_runs_as_soon_as_it_is_active(loop: str, database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.known()
        assert await there.town.directory.filter_of(there.alice.id) is None
        assert await client.put("own", b"keep;") == b"OK\r\n"
        assert await there.town.directory.filter_of(there.alice.id) is None
        assert await client.ask(b'SETACTIVE "own"') == b"OK\r\n"
        found = await there.town.directory.filter_of(there.alice.id)
        assert found is not None
        assert found.name == "own"
        assert await client.ask(b'SETACTIVE ""') == b"OK\r\n"
        assert await there.town.directory.filter_of(there.alice.id) is None
        await client.close()

    play(loop, database, data, story)


def test_what_is_put_is_got_to_the_octet(database: Opener, data: Path) -> None:
    script = "\ufeff# Grüße\r\nkeep;\n\r\n# \u2028 \t end".encode()

    async def story(there: Place) -> None:
        client = await there.known()
        assert await client.put("a", script) == b"OK\r\n"
        got = await client.ask(b'GETSCRIPT "a"')
        assert got == b"{%d}\r\n%b\r\nOK\r\n" % (len(script), script)
        await client.close()

    play("uvloop", database, data, story)


def test_a_bad_script_is_refused_and_the_one_before_stays(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.known()
        await client.put("a", b"keep;")
        await client.ask(b'SETACTIVE "a"')
        for bad in (b"keep;\r\n  fileinto;", b"\xff", b"keep\0;", b'if true { "x" }'):
            said = await client.put("a", bad)
            assert said.startswith(b"NO ")
            assert b"line " in said
            assert (await client.ask(b"CHECKSCRIPT {%d+}\r\n%b" % (len(bad), bad)))[:3] == b"NO "
        assert b"line 2, column 3" in await client.put("a", b"keep;\r\n  fileinto;")
        assert await client.ask(b'GETSCRIPT "a"') == b"{5}\r\nkeep;\r\nOK\r\n"
        assert await client.ask(b"LISTSCRIPTS") == b'"a" ACTIVE\r\nOK\r\n'
        await client.close()

    play("asyncio", database, data, story)


def test_names_of_paths_are_no_names(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.known()
        for name in ("../x", "a/../../b", "/etc/passwd", ".", "..", ""):
            assert (await client.put(name, b"keep;")).startswith(b"NO ")
            for verb in (b"GETSCRIPT", b"DELETESCRIPT"):
                assert (await client.ask(b'%b "%b"' % (verb, name.encode()))).startswith(b"NO ")
        for name in ("~root", "\\\\\\\\h\\\\s", "&AC8-"):  # as good as any other
            assert await client.put(name, b"keep;") == b"OK\r\n"
        assert (await client.ask(b"LISTSCRIPTS")).count(b"\r\n") == 4
        await client.close()

    play("asyncio", database, data, story)


def test_nobody_reaches_scripts_of_others(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        alice, bob = await there.known(), await there.client()
        await alice.put("secret", b"# of alice\r\nkeep;")
        await bob.log_in("bob@demo.test", "of bob")
        assert await bob.ask(b"LISTSCRIPTS") == b"OK\r\n"
        for line in (b'GETSCRIPT "secret"', b'SETACTIVE "secret"', b'DELETESCRIPT "secret"'):
            assert (await bob.ask(line)).startswith(b"NO (NONEXISTENT) ")
        assert await bob.put("secret", b"discard;") == b"OK\r\n"
        assert b"of alice" in await alice.ask(b'GETSCRIPT "secret"')
        assert await bob.ask(b"UNAUTHENTICATE") == b'OK "Logged out"\r\n'
        assert (await bob.ask(b"LISTSCRIPTS")).startswith(b"NO ")
        await bob.log_in()
        assert b"of alice" in await bob.ask(b'GETSCRIPT "secret"')
        await alice.close()
        await bob.close()

    play("asyncio", database, data, story)


@both_loops
def test_starttls(loop: str, database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.client()
        assert (await client.log_in()).startswith(b"NO (ENCRYPT-NEEDED) ")
        said = await client.start_tls()
        assert b'"SASL" "SCRAM-SHA-256 PLAIN LOGIN"\r\n' in said
        assert b"STARTTLS" not in said
        assert (await client.log_in()).startswith(b"OK")
        await client.close()

    play(loop, database, data, story, auth="tls")


@both_loops
def test_what_follows_starttls_in_clear_is_never_done(
    loop: str, database: Opener, data: Path
) -> None:
    async def story(there: Place) -> None:
        client = await there.client()
        encoded = base64.b64encode(f"\0alice@demo.test\0{PASSWORD}".encode())
        client.writer.write(b'STARTTLS\r\nAUTHENTICATE "PLAIN" "%b"\r\n' % encoded)
        said = await client.reader.read()
        assert said.startswith(b'BYE "Nothing may follow STARTTLS')
        assert said.count(b"\r\n") == 1
        await client.close()

    play(loop, database, data, story)


def test_scram_says_its_last_word_with_the_ok(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        for password, good in ((PASSWORD, True), ("wrong", False)):
            client = await there.client()
            bare = b"n=alice@demo.test,r=abc"
            said = await _challenge(client, b'AUTHENTICATE "SCRAM-SHA-256" "%b"', b"n,," + bare)
            fields = dict(one.split(b"=", 1) for one in said.split(b","))
            salt, rounds = base64.b64decode(fields[b"s"]), int(fields[b"i"])
            salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
            key = hmac.digest(salted, b"Client Key", "sha256")
            without = b"c=biws,r=" + fields[b"r"]
            signed = b",".join((bare, said, without))
            proof = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
            proof = bytes(a ^ b for a, b in zip(key, proof, strict=True))
            last = base64.b64encode(without + b",p=" + base64.b64encode(proof))
            answer = await client.ask(b'"%b"' % last)
            server = hmac.digest(salted, b"Server Key", "sha256")
            final = b"v=" + base64.b64encode(hmac.digest(server, signed, "sha256"))
            expected = b'OK (SASL "%b") "Logged in"\r\n' % base64.b64encode(final)
            assert (answer == expected) is good
            assert good or answer == b'NO "Authentication credentials invalid"\r\n'
            await client.close()

    play("asyncio", database, data, story)


async def _challenge(client: Client, command: bytes, octets: bytes) -> bytes:
    client.writer.write(command % base64.b64encode(octets) + b"\r\n")
    return base64.b64decode((await client.line()).strip(b'"\r\n'))


def test_an_app_password_needs_the_scope(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        for label, scope, good in (("filters", "sieve", True), ("phone", "imap", False)):
            password = await there.town.app_password(
                "alice@demo.test", label=label, scopes=frozenset({scope})
            )
            client = await there.client()
            answer = await client.log_in(password=password)
            assert answer.startswith(b"OK" if good else b"NO")
            await client.close()

    play("asyncio", database, data, story)


def test_wrong_passwords_end_the_connection(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.client()
        for _ in range(3):
            said = await client.log_in(password="wrong")
            assert said == b'NO "Authentication credentials invalid"\r\n'
        assert await client.reader.read() == b'BYE "Too many failed logins"\r\n'
        await client.close()

    play("asyncio", database, data, story, login_failures=3)


def test_a_malformed_response_is_no_guess(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.client()
        for _ in range(3):
            said = await client.ask(b'AUTHENTICATE "PLAIN" "AAAA"')
            assert said == b'NO "The response makes no sense"\r\n'
        assert (await client.log_in()).startswith(b"OK")
        await client.close()

    play("asyncio", database, data, story, login_failures=2)


@pytest.mark.parametrize("before", ["login_seconds", "idle_seconds"])
def test_silence_ends_the_session(before: str, database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.client()
        if before == "idle_seconds":
            await client.log_in()
        await there.later(11)
        assert await client.reader.read() == b'BYE "You were silent for too long"\r\n'
        await client.close()

    play("asyncio", database, data, story, **{before: 10})


def test_dribbled_octets_do_not_put_the_deadline_off(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.known()
        for _ in range(3):  # each whole command begins another wait
            await there.later(9)
            assert (await client.ask(b"NOOP")).startswith(b"OK")
        await there.dribble(client, 9)

    play("asyncio", database, data, story, idle_seconds=10)


def test_all_commands_before_the_login_have_one_time(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.client()
        for _ in range(3):
            await there.later(3)
            assert (await client.ask(b"NOOP")).startswith(b"OK")
        await there.dribble(client, 0.9)

    play("asyncio", database, data, story, login_seconds=10)


def test_the_time_to_log_in_begins_again_with_unauthenticate(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.known()
        await there.later(11)
        assert (await client.ask(b"UNAUTHENTICATE")).startswith(b"OK")
        await there.later(9)
        assert (await client.log_in()).startswith(b"OK")
        await client.close()

    play("asyncio", database, data, story, login_seconds=10)


def test_the_server_goes_down_in_order(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.known()
        going = asyncio.ensure_future(there.connections.drain(5))
        assert (await client.reader.read()).startswith(b"BYE (TRYLATER) ")
        await client.close()
        await going

    play("asyncio", database, data, story)


def test_a_database_that_fails_costs_a_retry(database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        client = await there.known()
        await client.put("a", b"keep;")
        await there.town.db.write(lambda tx: tx.execute("DROP TABLE script"))
        before = sink.install(recorder := Recorder())
        try:
            said = await client.ask(b"LISTSCRIPTS")
        finally:
            sink.install(before)
        assert said.startswith((b"NO (TRYLATER) ", b"BYE (TRYLATER) "))
        assert {one.door for one in recorder.of(SessionFailed)} <= {"managesieve"}
        await client.close()

    play("asyncio", database, data, story)


@pytest.mark.parametrize("reason", ["unwelcome", "full", "failed"])
def test_last_words_are_temporary(reason: str, database: Opener, data: Path) -> None:
    async def story(there: Place) -> None:
        settings = Settings(
            login=Login(there.town.directory, there.town.clock),
            scripts=Scripts(there.town.directory, there.town.ids, there.town.clock, Room(1, 1)),
            connections=there.connections,
            extensions=(),
            max_redirects=0,
        )
        door = ManageSieveDoor(settings)
        assert door.last_words(reason).startswith(b"BYE (TRYLATER) ")
        assert door.is_unwelcome() == ""

    play("asyncio", database, data, story)
