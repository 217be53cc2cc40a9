"""FETCH through the door."""

import asyncio
import tracemalloc
from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home

LARGE = 3_000_000
LETTER = b"Subject: x\r\nFrom: a@b\r\n\r\nbody\r\n"


def large(size: int = LARGE) -> bytes:
    line = b"0123456789" * 7 + b"\r\n"
    return b"Subject: large\r\n\r\n" + line * (size // len(line))


async def literal(client: Client, start: bytes) -> bytes:
    line = await client.line()
    assert line.startswith(start), line
    size = int(line[line.rindex(b"{") + 1 : -3])
    return await asyncio.wait_for(client.reader.readexactly(size), 10)


def test_large_content_comes_whole_and_in_parts(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        letter = large()
        await client.append(letter)
        await client.ok(b"SELECT INBOX")
        await client.say(b"a FETCH 1 (BODY.PEEK[] UID)\r\n")
        assert await literal(client, b"* 1 FETCH (UID 1 BODY[] {") == letter
        assert await client.line() == b")\r\n"
        assert (await client.line()).startswith(b"a OK")
        for start, length in ((5, 1_500_000), (1_048_576, 1_048_577), (2_900_000, 10**9)):
            await client.say(b"b FETCH 1 BODY.PEEK[]<%d.%d>\r\n" % (start, length))
            found = await literal(client, b"* 1 FETCH (BODY[]<%d> {" % start)
            assert found == letter[start : start + length]
            assert await client.line() == b")\r\n"
            await client.line()
        await client.say(b"c FETCH 1 (BODY.PEEK[TEXT] BODY.PEEK[HEADER] BODY.PEEK[1])\r\n")
        body = letter.partition(b"\r\n\r\n")[2]
        assert await literal(client, b"* 1 FETCH (BODY[TEXT] {") == body
        assert await literal(client, b" BODY[HEADER] {") == b"Subject: large\r\n\r\n"
        assert await literal(client, b" BODY[1] {") == body
        client.close()

    at_home(data, main, database=database)


def test_memory_does_not_grow_with_a_message(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(large(30_000_000))
        await client.ok(b"SELECT INBOX")
        tracemalloc.start()
        await client.say(b"a FETCH 1 BODY.PEEK[]\r\n")
        size = 0
        while not (block := await client.reader.read(65_536)).endswith(b"a OK Fetched\r\n"):
            size += len(block)
        assert size > 29_900_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 12_000_000
        client.close()

    at_home(data, main, database=database, max_message=100_000_000)


def test_a_client_that_does_not_read_costs_little_and_can_leave(
    database: Opener, data: Path
) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(large(30_000_000))
        await client.ok(b"SELECT INBOX")
        await client.say(b"a FETCH 1 BODY.PEEK[]\r\n")
        await client.line()
        other = await home.alice("INBOX")
        assert (await other.ok(b"NOOP")) == []
        client.writer.transport.abort()
        await other.ok(b"FETCH 1 FLAGS")
        other.close()

    at_home(data, main, database=database, max_message=100_000_000)


def test_seen_is_told_once(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(LETTER)
        await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        lines = await client.ok(b"UID FETCH 1 BODY[HEADER]")
        assert lines[0] == b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) BODY[HEADER] {25}\r\n"
        lines = await client.ok(b"FETCH 1:2 (FLAGS BODY[1.MIME])")
        assert lines[0] == b"* 1 FETCH (FLAGS (\\Seen \\Recent) BODY[1.MIME] {25}\r\n"
        assert await client.ok(b"NOOP") == []
        assert await client.ok(b"SEARCH UNSEEN") == [b"* SEARCH\r\n"]
        await client.ok(b"STORE 1 FLAGS.SILENT ()")
        await client.ok(b"EXAMINE INBOX")
        lines = await client.ok(b"FETCH 1 BODY[TEXT]")
        assert lines[0] == b"* 1 FETCH (BODY[TEXT] {6}\r\n"
        assert await client.ok(b"FETCH 1 FLAGS") == [b"* 1 FETCH (FLAGS ())\r\n"]
        client.close()

    at_home(data, main, database=database)


def test_an_expunged_message_is_left_out(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for _ in range(3):
            await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        other = await home.alice("INBOX")
        await other.ok(b"STORE 2 +FLAGS.SILENT (\\Deleted)")
        await other.ok(b"EXPUNGE")
        assert await client.ok(b"FETCH 1:3 UID") == [
            b"* 1 FETCH (UID 1)\r\n",
            b"* 3 FETCH (UID 3)\r\n",
        ]
        assert len(await client.ok(b"FETCH 2:3 BODY.PEEK[TEXT]")) == 3
        assert await client.ok(b"UID FETCH 3 UID") == [
            b"* 3 FETCH (UID 3)\r\n",
            b"* 2 EXPUNGE\r\n",
        ]
        for each in (client, other):
            each.close()

    at_home(data, main, database=database)


def test_messages_one_by_one_without_waiting(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        letters = [b"Subject: %d\r\n\r\nbody %d\r\n" % (n, n) for n in range(1, 81)]
        for octets in letters:
            await client.append(octets)
        await client.ok(b"SELECT INBOX")
        await client.say(
            b"".join(b"x UID FETCH %d (BODY.PEEK[])\r\n" % uid for uid in range(1, 81))
            + b"x UID FETCH 5 (BODY[])\r\nx UID FETCH 6 (FLAGS BODY.PEEK[TEXT])\r\n"
        )
        for uid, octets in enumerate(letters, 1):
            start = b"* %d FETCH (UID %d BODY[] {" % (uid, uid)
            assert await literal(client, start) == octets
            assert await client.line() == b")\r\n"
            assert (await client.line()).startswith(b"x OK")
        start = b"* 5 FETCH (UID 5 FLAGS (\\Seen \\Recent) BODY[] {"
        assert await literal(client, start) == letters[4]
        assert await client.line() == b")\r\n"
        assert (await client.line()).startswith(b"x OK")
        start = b"* 6 FETCH (UID 6 FLAGS (\\Recent) BODY[TEXT] {"
        assert await literal(client, start) == b"body 6\r\n"
        client.close()

    at_home(data, main, database=database)


def test_fields_of_a_list_are_the_same_every_time(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for number in range(3):
            await client.append(b"Subject: %d\r\nTo: x\r\n\r\nbody\r\n" % number)
        await client.ok(b"SELECT INBOX")
        command = b"FETCH 1:3 (UID BODY.PEEK[HEADER.FIELDS (subject cc)])"
        lines = await client.ok(command)
        assert lines == [
            line
            for number in range(3)
            for line in (
                b"* %d FETCH (UID %d BODY[HEADER.FIELDS (subject cc)] {14}\r\n"
                % (number + 1, number + 1),
                b"Subject: %d\r\n" % number,
                b"\r\n",
                b")\r\n",
            )
        ]
        assert await client.ok(command) == lines
        other = await home.alice("INBOX")
        assert await other.ok(command) == lines
        seen = await other.ok(b"FETCH 1 BODY[HEADER.FIELDS (subject cc)]")
        assert b"FLAGS (\\Seen)" in seen[0]
        part = await other.ok(b"FETCH 1 BODY.PEEK[HEADER.FIELDS (subject cc)]<9.1>")
        assert part[1:] == [b"0)\r\n"]
        two = await other.ok(
            b"FETCH 1 (BODY.PEEK[HEADER.FIELDS (to)] BODY.PEEK[HEADER.FIELDS (subject cc)])"
        )
        assert two[1:4] == [b"To: x\r\n", b"\r\n", b" BODY[HEADER.FIELDS (subject cc)] {14}\r\n"]
        await other.ok(b"STORE 2 +FLAGS.SILENT (\\Deleted)")
        await other.ok(b"EXPUNGE")
        lines = await client.ok(b"FETCH 2:3 (BODY.PEEK[HEADER.FIELDS (subject cc)])")
        assert lines[0].startswith(b"* 3 FETCH (BODY[")
        assert lines[1] == b"Subject: 2\r\n"
        for each in (client, other):
            each.close()

    at_home(data, main, database=database)


def test_many_messages(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        number = 1200
        for _ in range(3):
            await client.say(
                b"".join(
                    b"x APPEND INBOX {%d+}\r\n%s\r\n" % (len(LETTER), LETTER)
                    for _ in range(number // 3)
                )
            )
            for _ in range(number // 3):
                assert (await client.line()).startswith(b"x OK")
        await client.ok(b"SELECT INBOX")
        lines = await client.ok(b"UID FETCH 1:* (FLAGS)")
        assert lines == [
            b"* %d FETCH (UID %d FLAGS (\\Recent))\r\n" % (n, n) for n in range(1, number + 1)
        ]
        lines = await client.ok(b"FETCH 1:* (ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)])")
        assert sum(line.startswith(b"* ") for line in lines) == number
        client.close()

    at_home(data, main, database=database)
