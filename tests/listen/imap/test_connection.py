"""COMPRESS and UNAUTHENTICATE through the door."""

import asyncio
import zlib
from pathlib import Path

import pytest

from postroom.listen.imap.door import Settings
from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home, house, tls_contexts
from tests.listen.loops import both_loops, run

LETTER = b"Subject: x\r\n\r\n" + b"a line of the body\r\n" * 2000


class Compressed:
    """Speaks over a client's connection, compressed from now on."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._deflater = zlib.compressobj(wbits=-15)
        self.inflater = zlib.decompressobj(-15)
        self._text = b""
        self.received = 0

    async def say(self, octets: bytes, *, finish: bool = False) -> None:
        end = zlib.Z_FINISH if finish else zlib.Z_SYNC_FLUSH
        await self._client.say(self._deflater.compress(octets) + self._deflater.flush(end))

    async def until(self, end: bytes) -> bytes:
        """Everything up to a line that begins with ``end``."""
        while not any(line.startswith(end) for line in self._text.splitlines()):
            octets = await asyncio.wait_for(self._client.reader.read(65536), 60)
            assert octets, self._text
            self.received += len(octets)
            self._text += self.inflater.decompress(octets)
        text, self._text = self._text, b""
        return text


async def compressed(client: Client) -> Compressed:
    await client.ok(b"COMPRESS DEFLATE")
    return Compressed(client)


@both_loops
def test_a_compressed_session(loop: str, data: Path) -> None:
    async def main() -> None:
        async with house(data) as home:
            client = await home.alice()
            await client.append(LETTER)
            talk = await compressed(client)
            await talk.say(b"a SELECT INBOX\r\nb FETCH 1 BODY[]\r\n")
            text = await talk.until(b"b OK")
            assert LETTER in text
            assert talk.received < len(LETTER) // 10
            await talk.say(b"c APPEND INBOX {%d}\r\n" % len(LETTER))
            await talk.until(b"+ ")
            await talk.say(LETTER + b"\r\n")
            assert b"* 2 EXISTS" in await talk.until(b"c OK")
            await talk.say(b"d COMPRESS DEFLATE\r\n")
            assert b"d NO [COMPRESSIONACTIVE] " in await talk.until(b"d ")
            await talk.say(b"e LOGOUT\r\n")
            assert b"* BYE" in await talk.until(b"e OK")
            assert await client.rest() == b""

    run(loop, main())


def test_idle_is_compressed_too(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        talk = await compressed(await home.alice("INBOX"))
        await talk.say(b"a IDLE\r\n")
        await talk.until(b"+ ")
        other = await home.alice()
        await other.append(LETTER)
        assert b"* 1 EXISTS" in await talk.until(b"* 1 EXISTS")
        await talk.say(b"DONE\r\n")
        await talk.until(b"a OK")

    at_home(data, main, database=database)


def test_a_bomb_is_a_line_that_is_too_long(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        talk = await compressed(client)
        await talk.say(b"a " + b"x" * 30_000_000)
        assert b"* BYE [ALERT] " in await talk.until(b"* BYE")

    at_home(data, main)


@pytest.mark.parametrize("octets", [b"a NOOP\r\n", b"\xff\xff\xff\xff"])
def test_what_is_not_compressed_ends_the_connection(data: Path, octets: bytes) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        talk = await compressed(client)
        await client.say(octets)
        await client.say(octets * 20)
        text = talk.inflater.decompress(await client.rest())
        assert b"a OK" not in text

    at_home(data, main)


def test_what_was_pipelined_behind_compress_ends_it(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.say(b"a COMPRESS DEFLATE\r\nb NOOP\r\n")
        assert (await client.line()).startswith(b"a BAD ")
        assert (await client.line()).startswith(b"* BYE ")
        assert await client.rest() == b""

    at_home(data, main)


def test_only_deflate_and_only_after_login(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.client()
        assert (await client.command(b"COMPRESS DEFLATE"))[-1].startswith(b"BAD ")
        assert (await client.command(b"UNAUTHENTICATE"))[-1].startswith(b"BAD ")
        client = await home.alice()
        assert (await client.command(b"COMPRESS GZIP"))[-1].startswith(b"NO ")
        await client.ok(b"NOOP")

    at_home(data, main)


def test_unauthenticate_forgets_the_person(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        await client.append(LETTER)
        await client.ok(b"ENABLE IMAP4rev2")
        await client.ok(b"UNAUTHENTICATE")
        for command in (b"SELECT INBOX", b"FETCH 1 UID", b"COMPRESS DEFLATE"):
            assert (await client.command(command))[-1].startswith(b"BAD ")
        assert b"AUTH=PLAIN" in (await client.ok(b"CAPABILITY"))[0]
        await client.ok(b"LOGIN bob@demo.test secret")
        assert (await client.command(b"FETCH 1 UID"))[-1].startswith(b"BAD ")
        assert b"* 0 EXISTS\r\n" in await client.ok(b"SELECT INBOX")
        assert await client.ok(b"ENABLE IMAP4rev2") == [b"* ENABLED IMAP4rev2\r\n"]

    at_home(data, main)


def test_the_next_login_may_follow_unauthenticate_at_once(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        await client.append(LETTER)
        await client.say(
            b"a UNAUTHENTICATE\r\nb LOGIN bob@demo.test secret\r\nc STATUS INBOX (MESSAGES)\r\n"
        )
        lines = [await client.line() for _ in range(4)]
        assert [line[:5] for line in lines] == [b"a OK ", b"b OK ", b"* STA", b"c OK "]
        assert lines[2] == b'* STATUS "INBOX" (MESSAGES 0)\r\n'

    at_home(data, main)


def test_what_follows_a_compressed_unauthenticate_at_once_ends_it(data: Path) -> None:
    async def main(home: House) -> None:
        talk = await compressed(await home.alice())
        await talk.say(b"a UNAUTHENTICATE\r\nb LOGIN bob@demo.test secret\r\n")
        text = await talk.until(b"* BYE")
        assert text.startswith(b"a BAD ")
        assert b"b OK" not in text

    at_home(data, main)


def test_the_time_to_log_in_begins_again_with_unauthenticate(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await home.later(11)
        await client.ok(b"UNAUTHENTICATE")
        await home.later(9)
        await client.ok(b"NOOP")
        await home.later(2)
        assert (await client.rest()).startswith(b"* BYE Autologout")
        client.close()

    at_home(data, main, settings=Settings(hostname="x", auth="plain", login_seconds=10))


@pytest.mark.parametrize("finish", [True, False])
def test_unauthenticate_ends_the_compression(data: Path, finish: bool) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        talk = await compressed(client)
        await talk.say(b"a UNAUTHENTICATE\r\n", finish=finish)
        while not talk.inflater.eof:
            octets = await asyncio.wait_for(client.reader.read(1), 60)
            talk.inflater.decompress(octets)
        await client.ok(b"LOGIN alice@demo.test secret")
        await compressed(client)

    at_home(data, main)


def test_tls_stays(data: Path) -> None:
    server, trusting = tls_contexts()

    async def main() -> None:
        settings = Settings(hostname="mail.demo.test", protocol="imaps")
        async with house(data, settings=settings, contexts=lambda: server) as home:
            client = await home.client(trusting)
            for person in (b"alice", b"bob"):
                await client.ok(b"LOGIN %s@demo.test secret" % person)
                await client.ok(b"UNAUTHENTICATE")
            words = (await client.ok(b"CAPABILITY"))[0].split()
            assert b"STARTTLS" not in words
            assert b"AUTH=PLAIN" in words

    run("asyncio", main())


def test_a_large_message_comes_whole_and_in_order(data: Path) -> None:
    letter = b"Subject: large\r\n\r\n" + bytes(range(32, 127)) * 40_000

    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(letter)
        talk = await compressed(client)
        await talk.say(b"a SELECT INBOX\r\nb FETCH 1 (UID BODY.PEEK[])\r\nc NOOP\r\n")
        text = await talk.until(b"c OK")
        assert b"{%d}\r\n%s)\r\nb OK" % (len(letter), letter) in text

    at_home(data, main)
