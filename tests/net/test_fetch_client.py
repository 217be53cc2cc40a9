"""One request and its response, over a connection of which we hold the other end.

What hostile servers answer, and how long they may take, is in ``test_fetch``.
"""

import asyncio
import socket

import pytest

from postroom.net.fetch import Fetched, NotUsable, Question
from postroom.net.fetch_client import MAX_HEAD, Client
from tests.listen.loops import both_loops, run

RESPONSE = (
    b"HTTP/1.1 200 OK\r\nX-Test: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)


async def asked(question: Question, pieces: list[bytes], *, ends: bool = False) -> Fetched:
    """What comes of ``pieces``, which are sent once the request has come."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    transport, client = await loop.create_connection(lambda: Client(100), sock=ours)
    theirs.setblocking(False)
    with theirs:
        asking = loop.create_task(client.ask(transport, "a.test", "/x?y", question))
        head = b""
        while b"\r\n\r\n" not in head:
            head += await loop.sock_recv(theirs, 65_536)
        assert head.startswith(f"{question.method} /x?y HTTP/1.1\r\nHost: a.test\r\n".encode())
        for piece in pieces:
            await loop.sock_sendall(theirs, piece)
        if ends:
            theirs.shutdown(socket.SHUT_WR)
        try:
            return await asking
        finally:
            transport.abort()


@both_loops
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_response_in_any_pieces(loop: str, step: int) -> None:
    pieces = [RESPONSE[at : at + step] for at in range(0, len(RESPONSE), step)]
    found = run(loop, asked(Question("GET", "https://a.test/x?y"), pieces))
    assert (found.status, found.header("X-Test"), found.body) == (200, "a", b"hello")


@both_loops
@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"], "longer than 100 octets"),
        ([b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * (MAX_HEAD // 6 + 100)], "not valid"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"] * 9, "interim"),
        ([RESPONSE[:-9]], "not valid"),
        ([], "not valid"),
    ],
)
def test_what_is_no_response(loop: str, pieces: list[bytes], words: str) -> None:
    question = Question("POST", "https://a.test/x?y", (("Content-Length", "2"),), b"{}")
    with pytest.raises(NotUsable, match=words):
        run(loop, asked(question, pieces, ends=True))
