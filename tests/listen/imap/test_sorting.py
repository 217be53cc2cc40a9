"""SORT and THREAD through the door: what is answered from memory is what is so now."""

from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home


def letter(ident: bytes, parent: bytes = b"") -> bytes:
    references = b"References: <%s@x>\r\n" % parent if parent else b""
    return b"Message-ID: <%s@x>\r\nSubject: %s\r\n%s\r\n" % (ident, ident, references)


async def threads(client: Client, command: bytes = b"THREAD") -> bytes:
    (line,) = await client.ok(command + b" REFS UTF-8 ALL")
    return line.removeprefix(b"* THREAD ").strip()


def test_the_same_question_after_every_change(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for one in (letter(b"c"), letter(b"a"), letter(b"b", b"a")):
            await client.append(one)
        await client.ok(b"SELECT INBOX")
        other = await home.alice("INBOX")
        for _ in range(2):
            assert await threads(client) == await threads(client, b"UID THREAD") == b"(1)(2 3)"
            assert await client.ok(b"SORT (SUBJECT) UTF-8 ALL") == [b"* SORT 2 3 1\r\n"]
        await client.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        await client.ok(b"EXPUNGE")
        for _ in range(2):
            assert await threads(client) == b"(1 2)"
            assert await threads(client, b"UID THREAD") == b"(2 3)"
            assert await client.ok(b"SORT (SUBJECT) UTF-8 ALL") == [b"* SORT 1 2\r\n"]
        # the other session still has its numbers, and does not find what is gone
        lines = await other.ok(b"SORT (SUBJECT) UTF-8 ALL")
        assert b"* SORT 2 3\r\n" in lines
        assert not any(line.endswith(b"EXPUNGE\r\n") for line in lines)
        lines = await other.ok(b"UID SORT (SUBJECT) UTF-8 ALL")
        assert lines == [b"* SORT 2 3\r\n", b"* 1 EXPUNGE\r\n"]
        await client.append(letter(b"d", b"b"))
        assert await threads(client) == b"(1 2 3)"
        assert await client.ok(b"UID SORT (REVERSE SUBJECT) UTF-8 ALL") == [b"* SORT 4 3 2\r\n"]

    at_home(data, main, database=database)


def test_an_empty_mailbox(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        assert await client.ok(b"SORT (DATE) UTF-8 ALL") == [b"* SORT\r\n"]
        assert await client.ok(b"THREAD REFERENCES UTF-8 ALL") == [b"* THREAD\r\n"]
        told = await client.ok(b"UID SORT RETURN (MIN COUNT) (DATE) UTF-8 ALL")
        assert told == [b'* ESEARCH (TAG "t5") UID COUNT 0\r\n']

    at_home(data, main, database=database)
