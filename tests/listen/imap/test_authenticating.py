"""AUTHENTICATE through the door, with an independent SCRAM client."""

import base64
import ssl
from pathlib import Path

import pytest
import scramp  # type: ignore[import-untyped]
import trustme

from postroom.listen.imap.door import Settings
from tests import certificates
from tests.listen.imap.house import Client, House, at_home, house, tls_contexts
from tests.listen.loops import run

Exchange = tuple[Client, bytes]


def encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


async def heard(client: Client) -> str:
    line = await client.line()
    assert line.startswith(b"+ "), line
    return base64.b64decode(line[2:]).decode()


async def scram(client: Client, login: str, password: str, *, initial: bool) -> bytes:
    """A whole exchange; the tagged line."""
    peer = scramp.ScramClient(["SCRAM-SHA-256"], login, password)
    first = encoded(peer.get_client_first())
    if initial:
        await client.say(b"s AUTHENTICATE SCRAM-SHA-256 " + first + b"\r\n")
    else:
        await client.say(b"s AUTHENTICATE SCRAM-SHA-256\r\n")
        assert await client.line() == b"+ \r\n"
        await client.say(first + b"\r\n")
    peer.set_server_first(await heard(client))
    await client.say(encoded(peer.get_client_final()) + b"\r\n")
    line = await client.line()
    if line.startswith(b"s "):
        return line
    peer.set_server_final(base64.b64decode(line[2:]).decode())
    await client.say(b"\r\n")
    return await client.line()


@pytest.mark.parametrize("initial", [True, False])
def test_scram(data: Path, initial: bool) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        said = await scram(client, "alice@demo.test", "secret", initial=initial)
        assert said.startswith(b"s OK [CAPABILITY ")
        assert b" AUTH=" not in said
        await client.ok(b"SELECT INBOX")

    at_home(data, main)


def test_scram_fails_alike_for_anybody(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        for login in ("alice@demo.test", "nobody@demo.test"):
            said = await scram(client, login, "wrong", initial=True)
            assert said.startswith(b"s NO [AUTHENTICATIONFAILED]")
        await client.ok(b"NOOP")

    at_home(data, main)


def test_nobody_acts_for_others(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        plain = base64.b64encode(b"bob@demo.test\0alice@demo.test\0secret")
        refused = await client.command(b"AUTHENTICATE PLAIN " + plain)
        assert refused[-1].startswith(b"NO [AUTHENTICATIONFAILED]")
        first = base64.b64encode(b"n,a=bob@demo.test,n=alice@demo.test,r=abc")
        refused = await client.command(b"AUTHENTICATE SCRAM-SHA-256 " + first)
        assert refused[-1].startswith(b"NO [AUTHENTICATIONFAILED]")
        same = base64.b64encode(b"alice@demo.test\0alice@demo.test\0secret")
        await client.ok(b"AUTHENTICATE PLAIN " + same)

    at_home(data, main)


def test_responses_without_sense(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        for words in (b"PLAIN " + encoded("x"), b"SCRAM-SHA-256 " + encoded("x"), b"PLAIN ="):
            assert (await client.command(b"AUTHENTICATE " + words))[-1].startswith(b"BAD ")
        assert (await client.command(b"AUTHENTICATE CRAM-MD5"))[-1].startswith(b"NO [CANNOT]")
        await client.ok(b"NOOP")

    at_home(data, main)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_certificate_instead_of_a_password(data: Path, loop: str) -> None:
    server, trusting = tls_contexts()
    people = trustme.CA()
    people.configure_trust(server)
    server.verify_mode = ssl.CERT_OPTIONAL
    person = tls_contexts_of(trusting, people, "alice@demo.test")
    settings = Settings(hostname="mail.demo.test", protocol="imaps")

    async def main() -> None:
        async with house(data, settings=settings, contexts=lambda: server) as home:
            client = await home.client(person)
            assert b"AUTH=EXTERNAL" in client.greeting
            for authzid in ("bob@demo.test", "nobody@demo.test"):
                refused = await client.command(b"AUTHENTICATE EXTERNAL " + encoded(authzid))
                assert refused[-1].startswith(b"NO [AUTHENTICATIONFAILED]")
            await client.ok(b"AUTHENTICATE EXTERNAL =")
            await client.ok(b"SELECT INBOX")
            stranger = await home.client(trusting)
            assert b"AUTH=EXTERNAL" not in stranger.greeting
            refused = await stranger.command(b"AUTHENTICATE EXTERNAL =")
            assert refused[-1].startswith(b"NO [CANNOT]")

    run(loop, main())


def tls_contexts_of(trusting: ssl.SSLContext, people: trustme.CA, address: str) -> ssl.SSLContext:
    """A client's context that trusts as the other one, and shows a certificate."""
    context = certificates.client()
    people.issue_cert(address).configure_cert(context)
    return context
