"""An IMAP server of others, well behaved and hostile."""

from collections.abc import Awaitable, Callable

import pytest

from postroom.net.channel import RemoteFailed, Tls
from postroom.net.imap import MAX_ANSWER, ImapConnection
from postroom.net.tls_client import ClientTls
from postroom.protocol.imap.client import Untagged
from tests import certificates
from tests.loop import patiently
from tests.net.imap_server import Box, ImapServer, Message
from tests.net.street import HOST

BOXES = {
    b"INBOX": Box([Message(3, b"A: 1\r\n\r\nx\r\n", b"\\Seen")]),
    b"Work.Entw&APw-rfe": Box(attributes=b"\\Drafts"),
    b"a/b": Box(attributes=b"\\NoSelect"),
}


async def opened(server: ImapServer, tls: Tls = "none", seconds: float = 30) -> ImapConnection:
    context = ClientTls().context(is_checked=False)
    return await ImapConnection.open("mail.test", [HOST], server.port, tls, context, seconds)


def tell(server: ImapServer, story: Callable[[ImapServer], Awaitable[None]]) -> None:
    async def run() -> None:
        async with server.running():
            await story(server)

    patiently(run())


@pytest.mark.parametrize("capabilities", [b"AUTH=PLAIN SASL-IR", b"AUTH=PLAIN", b""])
def test_login_folders_and_messages(capabilities: bytes) -> None:
    async def story(server: ImapServer) -> None:
        connection = await opened(server)
        await connection.login("alice", "secret word")
        folders = await connection.folders()
        assert [(one.levels, sorted(one.attributes)) for one in folders] == [
            (("INBOX",), []),
            (("Work", "Entwürfe"), ["\\drafts"]),
            (("a_b",), ["\\noselect"]),
        ]
        assert await connection.messages(b"INBOX") == 1
        selected = await connection.examine(b"INBOX")
        assert (selected.exists, selected.uidvalidity) == (1, 7)
        found: list[Untagged] = []
        await connection.fetch(b"3", b"UID BODY.PEEK[]<0.5>", found.append, by_uid=True)
        assert found[0].values == [[b"UID", b"3", b"BODY[]<0>", b"A: 1\r"]]
        await connection.close()
        await server.left.wait()

    tell(ImapServer(BOXES, capabilities=capabilities), story)


def test_a_wrong_password_is_told_as_such() -> None:
    async def story(server: ImapServer) -> None:
        connection = await opened(server)
        with pytest.raises(RemoteFailed, match="said NO to AUTHENTICATE: wrong") as failed:
            await connection.login("alice", "something else")
        assert failed.value.is_login
        with pytest.raises(RemoteFailed, match="does not offer login by token"):
            await connection.login("alice", "token", is_token=True)
        await connection.close()

    tell(ImapServer(BOXES), story)


def test_a_token_of_oauth() -> None:
    async def story(server: ImapServer) -> None:
        server.trick = lambda line: (
            b"TAG OK in\r\n" if line.startswith(b"AUTHENTICATE XOAUTH2 ") else None
        )
        connection = await opened(server)
        await connection.login("alice", "token", is_token=True)
        await connection.close()

    tell(ImapServer(BOXES, capabilities=b"AUTH=XOAUTH2 SASL-IR"), story)


def test_starttls() -> None:
    async def story(server: ImapServer) -> None:
        server.context = certificates.server("mail.test")
        connection = await opened(server, "starttls")
        await connection.login("alice", "secret word")
        await connection.close()
        server.trick = lambda line: b"TAG OK\r\n* OK x\r\n" if line == b"STARTTLS" else None
        with pytest.raises(RemoteFailed, match="between STARTTLS and TLS"):
            await opened(server, "starttls")
        server.capabilities = b"IMAP4rev1"
        with pytest.raises(RemoteFailed, match="does not offer TLS"):
            await opened(server, "starttls")

    tell(ImapServer(BOXES, capabilities=b"STARTTLS AUTH=PLAIN"), story)


@pytest.mark.parametrize(
    ("greeting", "why"),
    [
        (b"* BYE go away\r\n", "does not welcome us: go away"),
        (b"+ what\r\n", "no greeting"),
        (b"HTTP/1.1 400 Bad\r\n", "broke the protocol"),
        (b"* OK " + b"x" * 100_000, "a line has more than"),
        (b"* OK {999999999999}\r\n", "a literal of"),
    ],
)
def test_greetings_that_are_none(greeting: bytes, why: str) -> None:
    async def story(server: ImapServer) -> None:
        server.greeting = greeting
        with pytest.raises(RemoteFailed, match=why):
            await opened(server)

    tell(ImapServer(BOXES), story)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"* BYE too busy\r\n", "ends the connection: too busy"),
        (b"TAG BAD what\r\n", "said BAD to LIST: what"),
        (b"+ more\r\n", "waits for something"),
        (b"* 1 FETCH (BODY[] {99999999}\r\n", "a literal of 99999999"),
        (b"* LIST (((((((((((((((((((((((((\r\n", "deep"),
        (b"\xff\xfe\r\n", "broke the protocol"),
    ],
)
def test_answers_of_a_hostile_server(said: bytes, why: str) -> None:
    answered(said, why)


def test_an_answer_without_end() -> None:
    line = b"* OK %b\r\n" % (b"x" * 500)
    answered(line * (MAX_ANSWER // len(line) + 1), "answers without end")


def answered(said: bytes, why: str) -> None:
    """What ``said`` in answer to LIST makes of the connection."""

    async def story(server: ImapServer) -> None:
        connection = await opened(server)
        server.trick = lambda line: said if line.startswith(b"LIST") else None
        with pytest.raises(RemoteFailed, match=why):
            await connection.folders()
        await connection.close()

    tell(ImapServer(BOXES), story)


def test_a_server_that_stops_in_the_middle() -> None:
    async def story(server: ImapServer) -> None:
        connection = await opened(server, seconds=0.1)
        server.trick = lambda line: b"* LIST ()" if line.startswith(b"LIST") else None
        with pytest.raises(RemoteFailed, match="no answer in"):
            await connection.folders()
        await connection.close()

    tell(ImapServer(BOXES), story)


def test_names_that_can_not_be_said_are_not_said() -> None:
    async def story(server: ImapServer) -> None:
        connection = await opened(server)
        with pytest.raises(RemoteFailed, match="holds a line end"):
            await connection.examine(b"a\r\nb LOGOUT")
        await connection.close()

    tell(ImapServer(BOXES), story)


def test_messages_are_removed_on_purpose_only() -> None:
    boxes = {b"INBOX": Box([Message(1, b"x"), Message(2, b"y")])}

    async def story(server: ImapServer) -> None:
        connection = await opened(server)
        await connection.examine(b"INBOX", writes=True)
        await connection.store(b"2", b"\\Deleted")
        await connection.expunge(b"2")
        assert [one.uid for one in boxes[b"INBOX"].messages] == [1]
        assert server.lines[-1] == b"UID EXPUNGE 2"
        await connection.close()

    tell(ImapServer(boxes, capabilities=b"UIDPLUS"), story)
