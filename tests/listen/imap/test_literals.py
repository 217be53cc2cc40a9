"""Literals that come unasked: bounded in size and memory, never read as commands."""

import asyncio
import tracemalloc
from pathlib import Path

import pytest

from postroom.listen.door import LINGER_SECONDS
from postroom.protocol.imap.input import LITERAL_LIMIT, MAX_LITERALS
from tests.listen.imap.house import Client, House, at_home

MANY = 100
TRAP = b"x CREATE Trap\r\n"


async def crowd(home: House) -> list[Client]:
    return list(await asyncio.gather(*[home.client() for _ in range(MANY)]))


async def said(client: Client) -> bytes:
    """Everything until the end, also when the connection was reset behind it."""
    found = b""
    try:
        while octets := await asyncio.wait_for(client.reader.read(10_000), 60):
            found += octets
    except ConnectionError:
        pass
    return found


@pytest.mark.parametrize("size", [b"8192", b"4294967296", b"9" * 40])
def test_before_login_a_hundred_of_them_cost_nothing(data: Path, size: bytes) -> None:
    """D5: counted are the objects of the process, clients and all."""

    async def main(home: House) -> None:
        clients = await crowd(home)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for client in clients:
            await client.say(b"a LOGIN {%s+}\r\n" % size + TRAP * 500)
        lines = await asyncio.gather(*[client.line() for client in clients])
        assert set(lines) == {b"* BYE [ALERT] The literal is too big\r\n"}
        await home.later(LINGER_SECONDS)
        assert set(await asyncio.gather(*[said(client) for client in clients])) == {b""}
        await home.gone(0)
        now, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak - before < MANY * 30_000
        assert now - before < MANY * 5_000

    at_home(data, main)


def test_after_login_a_hundred_wait_within_their_limits(data: Path) -> None:
    async def main(home: House) -> None:
        clients = [await home.alice() for _ in range(MANY)]
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for client in clients:
            await client.say(b'a LIST "" {8192+}\r\n' + b"x" * 8191)
        await clients[0].say(b"y\r\n")
        assert (await clients[0].line()).startswith(b"a NO [CANNOT] ")
        peak = tracemalloc.get_traced_memory()[1]
        assert peak - before < MANY * 40_000
        for client in clients[1:]:
            await client.say(b"y\r\n")
            assert (await client.line()).startswith(b"a NO [CANNOT] ")
            await client.ok(b"NOOP")
        now = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert now - before < MANY * 8_000

    at_home(data, main)


@pytest.mark.parametrize(
    "octets",
    [
        b'a LIST "" {%d+}\r\n' % (LITERAL_LIMIT + 1) + TRAP * 100,
        b"a SEARCH" + b" SUBJECT {100000+}\r\n".ljust(100_020, b"x") * 11,
        b"a SEARCH" + b" SUBJECT {1+}\r\nx" * (MAX_LITERALS + 1),
        b"a APPEND INBOX {10000001+}\r\n" + TRAP * 100,
        b"a APPEND INBOX (\\Bad) {10000001+}\r\n" + TRAP * 100,
        b"a APPEND INBOX {1+}\r\nx {10000001+}\r\n" + TRAP * 100,
        b"* {3+}\r\nabc\r\n" + TRAP,
    ],
)
def test_over_the_limits_the_connection_ends(data: Path, octets: bytes) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        await client.say(octets)
        answer = await said(client)
        assert answer == b"* BYE [ALERT] The literal is too big\r\n"
        other = await home.alice()
        assert b"Trap" not in b"".join(await other.ok(b'LIST "" *'))

    at_home(data, main)
