"""SEARCH through the door: numbers or UIDs."""

from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_numbers_and_uids(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for _ in range(3):
            await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        await client.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        await client.ok(b"EXPUNGE")
        assert await client.ok(b"SEARCH ALL") == [b"* SEARCH 1 2\r\n"]
        assert await client.ok(b"UID SEARCH ALL") == [b"* SEARCH 2 3\r\n"]
        assert (await client.command(b"SEARCH 3"))[-1].startswith(b"BAD ")
        assert await client.ok(b"SEARCH SUBJECT y") == [b"* SEARCH\r\n"]

    at_home(data, main, database=database)
