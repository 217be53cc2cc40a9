"""The selected mailbox through the door, with several sessions."""

import time
from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_numbers_stay_put_until_a_command_that_may_tell(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for _ in range(4):
            await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        other = await home.alice("INBOX")
        await other.ok(b"STORE 1,3 +FLAGS.SILENT (\\Deleted)")
        await other.ok(b"EXPUNGE")
        for command in (b"FETCH 4 UID", b"STORE 4 +FLAGS (\\Seen)", b"SEARCH ALL"):
            assert not any(b"EXPUNGE" in line for line in await client.ok(command))
        assert await client.ok(b"SEARCH UID 4") == [b"* SEARCH 4\r\n"]
        assert await client.ok(b"UID SEARCH NOT 1") == [b"* SEARCH 2 4\r\n"]
        told = await client.ok(b"UID SEARCH ALL")
        assert told == [b"* SEARCH 2 4\r\n", b"* 3 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n"]
        assert await client.ok(b"FETCH 1:* UID") == [
            b"* 1 FETCH (UID 2)\r\n",
            b"* 2 FETCH (UID 4)\r\n",
        ]

    at_home(data, main, database=database)


def test_close_tells_nothing_and_examine_removes_nothing(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        await client.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        await client.ok(b"EXAMINE INBOX")
        assert await client.ok(b"CLOSE") == []
        assert await client.ok(b"STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 1)\r\n']
        await client.ok(b"SELECT INBOX")
        assert await client.ok(b"CLOSE") == []
        assert await client.ok(b"STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)\r\n']

    at_home(data, main, database=database)


def test_huge_sets_cost_nothing(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        start = time.perf_counter()
        await client.ok(b"UID FETCH 1:4294967295 FLAGS")
        await client.ok(b"UID SEARCH UID 1:4294967295 NOT UID 2:4294967294")
        await client.ok(b"UID FETCH " + b",".join([b"1"] * 8000) + b" FLAGS")
        await client.ok(b"UID STORE 1:4294967295 +FLAGS (\\Seen)")
        assert time.perf_counter() - start < 1
        for bad in (b"FETCH 0 FLAGS", b"UID FETCH 0 FLAGS", b"STORE 1:4294967295 FLAGS ()"):
            assert (await client.command(bad))[-1].startswith(b"BAD ")

    at_home(data, main, database=database)


def test_copies_pair_up(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for _ in range(5):
            await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        done = (await client.command(b"COPY 5,1:2 Archive"))[-1]
        assert b"[COPYUID " in done
        assert b" 1:2,5 1:3] " in done
        moved = await client.ok(b"UID MOVE 1,4 Trash")
        assert moved[0].startswith(b"* OK [COPYUID ")
        assert moved[1:] == [b"* 4 EXPUNGE\r\n", b"* 1 EXPUNGE\r\n"]

    at_home(data, main, database=database)


def test_quota_holds_for_copies(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(LETTER * 20)
        await client.ok(b"SELECT INBOX")
        refused = (await client.command(b"COPY 1 Archive"))[-1]
        assert refused.startswith(b"NO [OVERQUOTA]")

    at_home(data, main, database=database, quota=500)
