"""Content of messages through the door."""

import base64
import random
import tracemalloc
from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home, literal

LARGE = 3_000_000
LETTER = b"Subject: x\r\nFrom: a@b\r\n\r\nbody\r\n"


def large(size: int = LARGE) -> bytes:
    line = b"0123456789" * 7 + b"\r\n"
    return b"Subject: large\r\n\r\n" + line * (size // len(line))


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
        assert peak < 18_000_000  # of 27 million; what runs ahead of the client is seldom alike
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


def encoded(body: bytes) -> bytes:
    """A message whose second part is this in base64."""
    return (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nfirst\r\n--b\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n%s\r\n--b--"
    ) % base64.encodebytes(body).replace(b"\n", b"\r\n")


def test_large_binary_comes_whole_and_in_parts(database: Opener, data: Path) -> None:
    body = random.Random(1).randbytes(1_500_000)

    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(encoded(body))
        await client.ok(b"SELECT INBOX")
        await client.say(b"a FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[2] BINARY.PEEK[1])\r\n")
        size = b"* 1 FETCH (BINARY.SIZE[2] 1500000 BINARY[2] ~{"
        assert await literal(client, size) == body
        assert await literal(client, b" BINARY[1] {") == b"first"
        assert await client.line() == b")\r\n"
        assert (await client.line()).startswith(b"a OK")
        for start, length in ((0, 400_000), (400_000, 400_000), (800_000, 10**9), (5, 300_000)):
            await client.say(b"b FETCH 1 BINARY.PEEK[2]<%d.%d>\r\n" % (start, length))
            found = await literal(client, b"* 1 FETCH (BINARY[2]<%d> ~{" % start)
            assert found == body[start : start + length]
            assert await client.line() == b")\r\n"
            await client.line()

    at_home(data, main, database=database)


def test_memory_does_not_grow_with_a_binary_part(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(encoded(b"0123456789" * 2_000_000))
        await client.ok(b"SELECT INBOX")
        tracemalloc.start()
        await client.say(b"a FETCH 1 BINARY.PEEK[2]\r\n")
        size = 0
        while not (block := await client.reader.read(65_536)).endswith(b"a OK Fetched\r\n"):
            size += len(block)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert size > 19_900_000
        assert peak < 18_000_000  # of 27 million; what runs ahead of the client is seldom alike

    at_home(data, main, max_message=100_000_000)


def test_many_items_of_one_message_are_not_gathered(data: Path) -> None:
    body = random.Random(1).randbytes(190_000)

    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(encoded(body))
        await client.ok(b"SELECT INBOX")
        items = b" ".join([b"BODY.PEEK[2]<%d.400000>" % start for start in range(190)])
        tracemalloc.start()
        await client.say(b"a FETCH 1 (%s)\r\n" % items)
        while not (block := await client.reader.read(65_536)).endswith(b"a OK Fetched\r\n"):
            assert block
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16_000_000  # of 49 million

    at_home(data, main)


def test_damage_found_in_time_is_a_no_and_found_late_ends_the_connection(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(large())
        await client.append(LETTER)
        (path,) = home.files()
        octets = bytearray(path.read_bytes())
        octets[-100] ^= 1  # in the last of three pieces
        path.write_bytes(octets)
        await client.ok(b"SELECT INBOX")
        lines = await client.command(b"FETCH 1:2 BODY.PEEK[]<2800000.1000>")
        assert lines[0] == b"* 2 FETCH (BODY[]<2800000> {0}\r\n"
        assert lines[-1].startswith(b"NO [CORRUPTION] ")
        await client.ok(b"FETCH 2 BODY.PEEK[TEXT]")
        await client.say(b"a FETCH 1:2 (BODY.PEEK[]<0.1000000> BODY.PEEK[]<2800000.10>)\r\n")
        assert len(await literal(client, b"* 1 FETCH (BODY[]<0> {")) == 1_000_000
        assert b"FETCH" not in await client.rest()

    at_home(data, main)
