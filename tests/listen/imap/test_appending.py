"""APPEND through the door."""

from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_bare_line_ends_become_crlf_and_nul_is_refused(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(b"Subject: x\n\nbare\rline\n")
        await client.ok(b"SELECT INBOX")
        lines = await client.ok(b"FETCH 1 BODY.PEEK[]")
        assert b"".join(lines[1:]) == b"Subject: x\r\n\r\nbare\r\nline\r\n)\r\n"
        refused = await client.command(b"APPEND INBOX {3+}\r\na\x00b")
        assert refused[-1].startswith(b"NO ")
        assert await client.ok(b"STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 1)\r\n']
        client.close()

    at_home(data, main, database=database)


def test_quota_is_checked_before_the_message_is_asked_for(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        refused = await client.command(b"APPEND INBOX {5000}")
        assert refused[0].startswith(b"NO [OVERQUOTA] ")
        refused = await client.command(b"APPEND INBOX {5000+}\r\n" + b"x" * 5000)
        assert refused[0].startswith(b"NO [OVERQUOTA] ")
        await client.append(LETTER)
        client.close()

    at_home(data, main, database=database, quota=1000)


def test_a_cut_connection_files_nothing(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.say(b"a APPEND INBOX {100000+}\r\n" + b"x" * 70_000)
        client.writer.transport.abort()
        other = await home.alice()
        assert await other.ok(b"STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)\r\n']
        other.close()

    at_home(data, main, database=database)


def test_a_mailbox_deleted_meanwhile(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"CREATE x")
        await client.say(b"a APPEND x {20}\r\n")
        assert (await client.line()).startswith(b"+ ")
        other = await home.alice()
        await other.ok(b"DELETE x")
        await client.say(LETTER + b"\r\n")
        assert (await client.line()).startswith(b"a NO [TRYCREATE]")
        await client.ok(b"NOOP")
        for each in (client, other):
            each.close()

    at_home(data, main, database=database)


def test_text_behind_the_message_is_bad(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        refused = await client.command(b"APPEND INBOX {20+}\r\n" + LETTER + b" x")
        assert refused[-1].startswith(b"BAD ")
        assert await client.ok(b"STATUS INBOX (MESSAGES)") == [b'* STATUS "INBOX" (MESSAGES 0)\r\n']
        client.close()

    at_home(data, main, database=database)
