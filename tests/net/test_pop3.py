"""A POP3 server of others, well behaved and hostile."""

from collections.abc import Awaitable, Callable

import pytest

from postroom.net import pop3
from postroom.net.channel import RemoteFailed, Tls
from postroom.net.pop3 import Pop3Connection
from postroom.net.tls_client import ClientTls
from tests import certificates
from tests.loop import patiently
from tests.net.pop3_server import Pop3Server
from tests.net.street import HOST

LETTER = b"Subject: x\r\n\r\n.dot\r\n" + b"y" * 300_000 + b"\r\n"


async def opened(server: Pop3Server, tls: Tls = "none", seconds: float = 30) -> Pop3Connection:
    context = ClientTls().context(is_checked=False)
    return await Pop3Connection.open("mail.test", [HOST], server.port, tls, context, seconds)


def tell(server: Pop3Server, story: Callable[[Pop3Server], Awaitable[None]]) -> None:
    async def run() -> None:
        async with server.running():
            await story(server)

    patiently(run())


def test_messages_are_listed_retrieved_and_deleted() -> None:
    async def story(server: Pop3Server) -> None:
        connection = await opened(server)
        await connection.login("alice", "secret word")
        assert await connection.uids() == [(1, "a"), (2, "b")]
        assert b"".join([block async for block in connection.retrieve(2)]) == LETTER
        assert b"".join([block async for block in connection.retrieve(1)]) == b"A: 1\r\n"
        await connection.delete(1)
        await connection.quit()
        await connection.close()
        assert list(server.messages) == ["b"]

    tell(Pop3Server(("a", b"A: 1\r\n"), ("b", LETTER)), story)


def test_without_quit_nothing_is_deleted() -> None:
    async def story(server: Pop3Server) -> None:
        connection = await opened(server)
        await connection.delete(1)
        await connection.close()
        assert list(server.messages) == ["a"]

    tell(Pop3Server(("a", b"A: 1\r\n")), story)


def test_logins() -> None:
    async def story(server: Pop3Server) -> None:
        connection = await opened(server)
        with pytest.raises(RemoteFailed, match=r"said no to PASS: \[AUTH\] wrong") as failed:
            await connection.login("alice", "other")
        assert failed.value.is_login
        with pytest.raises(RemoteFailed, match="holds a line end"):
            await connection.login("alice", "x\r\nDELE 1")
        server.trick = lambda line: b"+ \r\n" if line == "AUTH XOAUTH2" else None
        await connection.login("alice", "token", is_token=True)
        await connection.close()

    tell(Pop3Server(), story)


def test_starttls() -> None:
    async def story(server: Pop3Server) -> None:
        server.context = certificates.server("mail.test")
        connection = await opened(server, "starttls")
        await connection.login("alice", "secret word")
        await connection.close()
        server.trick = lambda line: b"+OK\r\n+OK more\r\n" if line == "STLS" else None
        with pytest.raises(RemoteFailed, match="between STLS and TLS"):
            await opened(server, "starttls")
        server.capabilities = ""
        with pytest.raises(RemoteFailed, match="does not offer TLS"):
            await opened(server, "starttls")

    tell(Pop3Server(capabilities="STLS\r\n"), story)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"-ERR no\r\n", "said no to UIDL: no"),
        (b"+OK\r\nnonsense\r\n", "makes no sense"),
        (b"+OK\r\n1 " + b"x" * 300 + b"\r\n", "makes no sense"),
        (b"x" * 20_000, "a line without end"),
        (b"+OK\r\n" + b"1 x\r\n" * 50, "answers UIDL without end"),
    ],
)
def test_answers_of_a_hostile_server(
    said: bytes, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pop3, "MAX_LINES", 40)

    async def story(server: Pop3Server) -> None:
        connection = await opened(server)
        server.trick = lambda line: said if line == "UIDL" else None
        with pytest.raises(RemoteFailed, match=why):
            await connection.uids()
        await connection.close()
        server.greeting = b"-ERR busy\r\n"
        with pytest.raises(RemoteFailed, match="said no to the greeting: busy"):
            await opened(server)

    tell(Pop3Server(), story)


def test_an_old_server_has_no_capa() -> None:
    async def story(server: Pop3Server) -> None:
        server.trick = lambda line: b"-ERR what\r\n" if line == "CAPA" else None
        connection = await opened(server)
        assert connection.capabilities == frozenset()
        await connection.close()

    tell(Pop3Server(), story)
