"""Mailboxes as wholes, through the door."""

from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_uidvalidity_is_new_after_a_delete(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"CREATE x")
        first = await client.ok(b"STATUS x (UIDVALIDITY)")
        await client.ok(b"DELETE x")
        await client.ok(b"CREATE x")
        assert await client.ok(b"STATUS x (UIDVALIDITY)") != first

    at_home(data, main, database=database)


def test_a_selected_mailbox_can_be_renamed(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"CREATE x")
        await client.append(LETTER, b"x")
        await client.ok(b"SELECT x")
        await client.ok(b"RENAME x y")
        assert await client.ok(b"FETCH 1 UID") == [b"* 1 FETCH (UID 1)\r\n"]
        assert await client.ok(b"STATUS y (MESSAGES)") == [b'* STATUS "y" (MESSAGES 1)\r\n']

    at_home(data, main, database=database)


def test_special_use_on_create(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        refused = await client.command(b"CREATE x (USE (\\Foo))")
        assert refused[-1].startswith(b"NO ")
        assert await client.ok(b'LIST "" x') == []

    at_home(data, main, database=database)
