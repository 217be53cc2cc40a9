"""NOOP, ID, IDLE and LOGOUT through the door."""

import asyncio
from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_idle_tells_at_once(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        idling = await home.alice("INBOX")
        await idling.say(b"i IDLE\r\n")
        assert await idling.line() == b"+ idling\r\n"
        other = await home.alice()
        for number in range(1, 4):
            await other.append(LETTER)
            assert await idling.line() == b"* %d EXISTS\r\n" % number
            assert await idling.line() == b"* %d RECENT\r\n" % number
        await idling.say(b"DONE\r\n")
        assert await idling.line() == b"i OK Idle ended\r\n"

    at_home(data, main, database=database)


def test_what_came_before_idle_is_told_first(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        idling = await home.alice("INBOX")
        await (await home.alice()).append(LETTER)
        await idling.say(b"i IDLE\r\n")
        assert [await idling.line() for _ in range(3)] == [
            b"+ idling\r\n",
            b"* 1 EXISTS\r\n",
            b"* 1 RECENT\r\n",
        ]

    at_home(data, main, database=database)


def test_a_flood_of_changes_ends_in_the_right_state(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        idling = await home.alice("INBOX")
        await idling.say(b"i IDLE\r\n")
        await idling.line()
        other = await home.alice("INBOX")
        await asyncio.gather(
            *[other.say(b"x APPEND INBOX {20+}\r\n" + LETTER + b"\r\n") for _ in range(200)]
        )
        told = b""
        while told != b"* 200 EXISTS\r\n":
            told = await idling.line()
        await idling.say(b"DONE\r\n")
        while not (await idling.line()).startswith(b"i OK"):
            pass
        assert (await idling.ok(b"SEARCH RECENT SEEN")) == [b"* SEARCH\r\n"]

    at_home(data, main, database=database)


def test_idle_without_a_mailbox(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.say(b"i IDLE\r\nDONE\r\n")
        assert await client.line() == b"+ idling\r\n"
        assert await client.line() == b"i OK Idle ended\r\n"

    at_home(data, main, database=database)


def test_logout(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        await client.say(b"x LOGOUT\r\ny NOOP\r\n")
        assert await client.rest() == b"* BYE Logging out\r\nx OK Done\r\n"

    at_home(data, main, database=database)
