"""The door itself: TLS, deadlines, ends."""

import asyncio
import gc
import imaplib
import ssl
import tracemalloc
from pathlib import Path

from postroom.access import guard
from postroom.db.locks import FileLock
from postroom.listen.imap.door import ImapDoor, Settings
from postroom.telemetry.session_events import ConnectionClosed, ConnectionOpened, LoginSucceeded
from tests.fakes import Recorder
from tests.listen.imap.house import House, at_home, house, tls_contexts
from tests.listen.loops import both_loops, run

PLAIN = Settings(hostname="mail.demo.test", auth="tls")
IMAPS = Settings(hostname="mail.demo.test", auth="tls", protocol="imaps")


@both_loops
def test_passwords_wait_for_tls(loop: str, data: Path) -> None:
    server, trusting = tls_contexts()

    async def main() -> None:
        async with house(data, settings=PLAIN, contexts=lambda: server) as home:
            client = await home.client()
            assert b"STARTTLS LOGINDISABLED" in client.greeting
            assert b"AUTH=" not in client.greeting
            refused = await client.command(b"LOGIN alice@demo.test secret")
            assert refused[-1].startswith(b"NO [PRIVACYREQUIRED]")
            await client.ok(b"STARTTLS")
            await client.writer.start_tls(trusting, server_hostname="localhost")
            capabilities = (await client.ok(b"CAPABILITY"))[0]
            assert b"AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN" in capabilities
            assert b"STARTTLS" not in capabilities
            assert (await client.command(b"STARTTLS"))[-1].startswith(b"BAD")
            await client.ok(b"LOGIN alice@demo.test secret")
            client.close()

    run(loop, main())


@both_loops
def test_what_is_pipelined_behind_starttls_is_never_run(loop: str, data: Path) -> None:
    server, _ = tls_contexts()

    async def main() -> None:
        async with house(data, settings=PLAIN, contexts=lambda: server) as home:
            for attack in (
                b"a STARTTLS\r\nb LOGIN alice@demo.test secret\r\n",
                b"a STARTTLS\r\nb",
                b"a STARTTLS\r\n\r\n",
            ):
                client = await home.client()
                await client.say(attack)
                said = await client.rest()
                assert said.startswith(b"a BAD ")
                assert b"* BYE [ALERT]" in said
                assert b"b OK" not in said
                assert b"a OK" not in said
                client.close()

    run(loop, main())


@both_loops
def test_imaps(loop: str, data: Path) -> None:
    server, trusting = tls_contexts()

    async def main() -> None:
        async with house(data, settings=IMAPS, contexts=lambda: server) as home:
            client = await home.client(trusting)
            assert b"AUTH=PLAIN" in client.greeting
            assert b"STARTTLS" not in client.greeting
            await client.ok(b"LOGIN alice@demo.test secret")
            client.close()

    run(loop, main())


def test_without_tls_starttls_is_not_offered(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        assert b"STARTTLS" not in client.greeting
        assert (await client.command(b"STARTTLS"))[-1].startswith(b"BAD")
        client.close()

    at_home(data, main)


def test_an_end_of_input_still_gets_its_answers(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        await client.say(b"a LOGIN alice@demo.test secret\r\nb NOOP\r\nc NOO")
        client.writer.write_eof()
        said = await client.rest()
        assert b"a OK" in said
        assert said.endswith(b"b OK Done\r\n")
        client.close()

    at_home(data, main)


def test_pipelined_commands_are_answered_in_order(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        tags = [b"p%d" % number for number in range(4000)]
        commands = (b"NOOP", b"UID FETCH 1:* FLAGS", b"CAPABILITY", b"UID SEARCH ALL")
        lines = [tag + b" " + commands[at % 4] for at, tag in enumerate(tags)]
        await client.say(b"\r\n".join(lines) + b"\r\n")
        for line in lines:
            while (said := await client.line()).startswith(b"* "):
                pass
            assert said.startswith(line.split()[0] + b" OK ")
        client.close()

    at_home(data, main)


def test_an_answer_does_not_wait_for_the_next_command(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        lock = FileLock(data / "write.lock")
        with lock.hold():  # nobody can write meanwhile
            await client.say(b"a NOOP\r\nb CREATE x\r\nc NOOP\r\n")
            assert (await client.line()).startswith(b"a OK")
        lock.close()
        assert (await client.line()).startswith(b"b OK")
        assert (await client.line()).startswith(b"c OK")
        client.close()

    at_home(data, main)


def test_silence_ends_with_autologout(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await home.later(59)
        await client.ok(b"NOOP")
        await home.later(59)
        await client.ok(b"NOOP")
        await home.later(60)
        assert (await client.rest()).startswith(b"* BYE Autologout")
        client.close()
        idling = await home.alice("INBOX")
        await idling.say(b"i IDLE\r\n")
        assert await idling.line() == b"+ idling\r\n"
        await home.later(60)
        assert b"* BYE Autologout" in await idling.rest()
        idling.close()

    at_home(data, main, settings=Settings(hostname="x", auth="plain", idle_seconds=60))


def test_dribbled_octets_do_not_put_the_deadline_off(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        rest = asyncio.ensure_future(client.rest())
        for _ in range(6):
            client.writer.write(b"x")
            await home.later(9.9)
        assert not rest.done()
        await home.later(0.6)
        assert (await rest).startswith(b"* BYE Autologout")
        client.close()

    at_home(data, main, settings=Settings(hostname="x", auth="plain", idle_seconds=60))


def test_all_commands_before_the_login_have_one_time(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        for _ in range(3):
            await home.later(19)
            await client.say(b"a NOOP\r\n")
            assert await client.line() == b"a OK Done\r\n"
        await home.later(3.5)
        assert (await client.rest()).startswith(b"* BYE Autologout")
        client.close()

    at_home(data, main)


def test_a_going_server_says_bye(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        await client.say(b"a IDLE\r\n")
        assert await client.line() == b"+ idling\r\n"
        await home.connections.drain(0.05)
        assert await client.rest() == b"* BYE [UNAVAILABLE] The server goes down\r\n"
        client.close()

    at_home(data, main)


def test_twenty_mistakes_end_the_connection(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        await client.say(b"a FOO\r\n" * 30)
        said = await client.rest()
        assert said.count(b"a BAD") == 20
        assert said.endswith(b"* BYE Too many bad commands\r\n")
        client.close()

    at_home(data, main)


def test_a_banned_network_waits_outside(data: Path) -> None:
    async def main(home: House) -> None:
        refused = ImapDoor(home.connections, home.services, PLAIN)
        refused.address = "192.0.2.1"
        assert refused.is_unwelcome() == ""
        for _ in range(guard.FAILURES_TO_BAN):
            home.services.login._guard.failed("alice", "192.0.2.1")
        assert refused.is_unwelcome() == "the network is banned: failed logins"
        assert refused.last_words("full").startswith(b"* BYE [UNAVAILABLE] Too many conn")
        assert refused.last_words("unwelcome").startswith(b"* BYE [UNAVAILABLE] Too many fail")
        assert refused.last_words("failed").startswith(b"* BYE [UNAVAILABLE] Internal")

    at_home(data, main)


def test_imaplib_speaks_with_it(data: Path) -> None:
    server, trusting = tls_contexts()

    def session(port: int, context: ssl.SSLContext) -> None:
        with imaplib.IMAP4("localhost", port) as client:
            client.starttls(context)
            client.login("alice@demo.test", "secret")
            assert client.select("INBOX")[0] == "OK"
            letter = b'Subject: a "quoted\\" {3}\r\nFrom: x@y\r\n\r\n' + b"body\r\n" * 100
            assert (
                client.append("INBOX", "(\\Seen)", '"17-Jul-1996 02:44:25 -0700"', letter)[0]
                == "OK"
            )
            assert client.search(None, "SEEN") == ("OK", [b"1"])
            kind, found = client.fetch("1", "(RFC822 FLAGS)")
            assert kind == "OK"
            assert isinstance(found[0], tuple)
            assert found[0][1] == letter
            assert client.copy("1", "Archive")[0] == "OK"
            assert client.store("1", "+FLAGS", "\\Deleted")[0] == "OK"
            assert client.expunge() == ("OK", [b"1"])
            assert client.close()[0] == "OK"

    async def main() -> None:
        async with house(data, settings=PLAIN, contexts=lambda: server) as home:
            await asyncio.to_thread(session, home.port, trusting)

    run("uvloop", main())


def test_idle_connections_are_small(data: Path) -> None:
    async def main(home: House) -> None:
        clients = [await home.alice("INBOX") for _ in range(20)]
        gc.collect()
        tracemalloc.start()
        more = []
        for _ in range(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", home.port)
            more.append((reader, writer))
            await reader.readline()
            writer.write(b"a LOGIN alice@demo.test secret\r\nb SELECT INBOX\r\nc IDLE\r\n")
            await reader.readuntil(b"+ idling\r\n")
        gc.collect()
        snapshot = tracemalloc.take_snapshot()
        tracemalloc.stop()
        ours = snapshot.filter_traces([tracemalloc.Filter(True, "*/src/postroom/*")])
        used = sum(found.size for found in ours.statistics("filename"))
        assert used / len(more) < 10_000
        for _, writer in more:
            writer.close()
        for client in clients:
            client.close()

    at_home(data, main)


def test_connections_are_told(data: Path, events: Recorder) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"LOGOUT")
        assert await client.rest() == b""
        client.close()

    at_home(data, main)
    assert [event.peer for event in events.of(ConnectionOpened)] == ["127.0.0.1"]
    assert [event.account for event in events.of(LoginSucceeded)] == ["alice@demo.test"]
    assert len(events.of(ConnectionClosed)) == 1
