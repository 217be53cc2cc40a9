"""APPEND through the door."""

import asyncio
import random
import re
import tracemalloc
from pathlib import Path
from shutil import disk_usage

from postroom.blobs.disk import Disk
from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home

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


def test_below_the_reserve_of_the_disk_nothing_comes_and_everything_goes(
    database: Opener, data: Path
) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append_many(LETTER, 3)
        await client.ok(b"SELECT INBOX")
        home.store.blobs.disk = Disk(data, 2 * disk_usage(data).free, home.store.clock)
        for literal in (b"{20}", b"{20+}\r\n" + LETTER):
            refused = await client.command(b"APPEND INBOX " + literal)
            assert refused[0].startswith(b"NO [UNAVAILABLE] Insufficient system storage")
        refused = await client.command(b"REPLACE 1 INBOX {20+}\r\n" + LETTER)
        assert refused[0].startswith(b"NO [UNAVAILABLE] ")
        await client.ok(b"COPY 1 Trash")  # how many clients delete
        await client.ok(b"STORE 1 +FLAGS (\\Deleted)")
        await client.ok(b"EXPUNGE")
        await client.ok(b"MOVE 1 Trash")
        lines = await client.ok(b"FETCH 1 BODY.PEEK[]")
        assert b"".join(lines[1:]) == LETTER + b")\r\n"
        home.store.blobs.disk = Disk(data, 8 * disk_usage(data).free, home.store.clock)
        refused = await client.command(b"COPY 1 Trash")
        assert refused[0].startswith(b"NO [UNAVAILABLE] ")
        await client.ok(b"MOVE 1 Trash")
        home.store.blobs.disk = Disk(data, 0, home.store.clock)
        await client.append(LETTER)
        assert await client.ok(b"STATUS Trash (MESSAGES)") == [b'* STATUS "Trash" (MESSAGES 3)\r\n']
        client.close()

    at_home(data, main, database=database)


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


async def state(client: Client) -> tuple[list[bytes], list[bytes]]:
    """What is in the mailboxes: counters of two of them."""
    inbox = await client.ok(b"STATUS INBOX (MESSAGES UIDNEXT SIZE)")
    return inbox, await client.ok(b"STATUS Drafts (MESSAGES UIDNEXT SIZE)")


def large(size: int) -> bytes:
    """A message whose body stands in a file."""
    return b"Subject: x\r\n\r\n" + random.Random(size).randbytes(size // 2).hex().encode()


def offered(letter: bytes) -> bytes:
    return b" {%d+}\r\n%s" % (len(letter), letter)


SEVERAL = (
    b"a APPEND Drafts (\\Seen)" + offered(LETTER) + offered(large(1_500_000)) + b" (\\Draft)"
    b' " 1-Feb-2024 10:00:00 +0000"' + offered(large(200_000)) + b"\r\n"
)  # fmt: skip


def places(octets: bytes) -> list[int]:
    """Where to cut: every octet that is no content, and some that are."""
    found = set(range(40))
    for match in re.finditer(rb"\{\d+\+\}\r\n", octets):
        found |= set(range(match.start() - 3, match.end() + 3))
    found |= {100_000, 1_000_000, 1_500_000, *range(len(octets) - 4, len(octets))}
    return sorted(found)


def test_a_connection_cut_anywhere_files_nothing(data: Path) -> None:
    async def main(home: House) -> None:
        watcher = await home.alice()
        before = await state(watcher)
        for place in places(SEVERAL):
            client = await home.alice()
            await client.say(SEVERAL[:place])
            client.writer.transport.abort()
        last = await home.alice()  # an end of the peer's side, not a reset
        await last.say(SEVERAL[:-1])
        last.writer.write_eof()
        assert await last.rest() == b""
        await home.gone(1)
        assert await state(watcher) == before
        assert await home.store.db.read(lambda tx: tx.all("SELECT id FROM blob")) == []
        assert home.files() == []

    at_home(data, main)


def test_a_replace_cut_anywhere_leaves_the_old_message(data: Path) -> None:
    whole = b"a REPLACE 1 INBOX (\\Draft)" + offered(large(1_500_000)) + b"\r\n"

    async def main(home: House) -> None:
        watcher = await home.alice("INBOX")
        await watcher.append(LETTER)
        before = await state(watcher)
        for place in [5, 20, 30, 45, 46, 47, 48, 60, 100_000, 1_400_000, len(whole) - 1]:
            client = await home.alice("INBOX")
            await client.say(whole[:place])
            client.writer.transport.abort()
        last = await home.alice("INBOX")
        await last.say(whole[:-1])
        last.writer.write_eof()
        assert await last.rest() == b""
        await home.gone(1)
        assert await state(watcher) == before
        assert home.files() == []

    at_home(data, main)


def test_a_replace_tells_the_others(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client, other = await home.alice("INBOX"), await home.alice("INBOX")
        await client.append(LETTER)
        await other.ok(b"NOOP")
        await other.say(b"i IDLE\r\n")
        assert (await other.line()).startswith(b"+ ")
        told = await client.ok(b"UID REPLACE 1 INBOX" + offered(LETTER))
        assert told[0].startswith(b"* OK [APPENDUID ")
        assert b"* 1 EXPUNGE\r\n" in told
        assert b"* 1 EXISTS\r\n" in told
        heard = {await other.line() for _ in range(2)}
        assert heard == {b"* 1 EXPUNGE\r\n", b"* 1 EXISTS\r\n"}

    at_home(data, main, database=database)


def test_several_messages_octet_by_octet(data: Path) -> None:
    small = SEVERAL.replace(offered(large(1_500_000)), offered(LETTER))

    async def main(home: House) -> None:
        client = await home.alice()
        for start in range(len(small)):
            client.writer.write(small[start : start + 1])
            if start < 500 or start > len(small) - 100:
                await asyncio.sleep(0)
        assert (await client.line()).startswith(b"a OK [APPENDUID ")

    at_home(data, main)


def test_a_full_account_keeps_the_connection_in_step(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        before = await state(client)
        for last in (b"", b" {9999}"):
            await client.say(
                b"a APPEND INBOX%s (\\Seen)%s%s%s\r\n"
                % (offered(LETTER), offered(large(2000)), offered(b"x DELETE INBOX\r\n"), last)
            )
            assert (await client.line()).startswith(b"a NO [OVERQUOTA] ")
            assert await client.ok(b"NOOP") == []
            assert await state(client) == before
        await client.append(LETTER)

    at_home(data, main, database=database, quota=1000)


def test_nul_in_the_second_message(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        before = await state(client)
        bad = offered(b"a\0b")
        for command in (
            offered(large(2_000_000)) + bad + offered(LETTER),
            offered(LETTER) + bad,
            bad + b" {12}",
        ):
            await client.say(b"a APPEND INBOX" + command + b"\r\n")
            assert (await client.line()).startswith(b"a NO ")
            assert await client.ok(b"NOOP") == []
        assert await state(client) == before
        assert home.files() == []

    at_home(data, main, database=database)


def test_binary_content_is_kept_for_binary(database: Opener, data: Path) -> None:
    """RFC 3516 §4.4: it is encoded anew, so that BINARY finds the very octets."""

    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"SELECT INBOX")
        content = bytes(range(256)) * 5 + b"\r"
        letter = (
            b"Subject: b\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            b"--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream\r\n"
            b"Content-Transfer-Encoding: BINARY\r\n\r\n%s\r\n--b--\r\n" % content
        )
        await client.ok(b"APPEND INBOX (\\Seen) ~{%d+}\r\n%s" % (len(letter), letter))
        said = b"".join(await client.ok(b"FETCH 1 (BINARY.PEEK[1] BINARY.SIZE[2] BINARY.PEEK[2])"))
        assert b"BINARY[1] {4}\r\ntext BINARY.SIZE[2] %d " % len(content) in said
        assert b"BINARY[2] ~{%d}\r\n%s)\r\n" % (len(content), content) in said
        said = b"".join(await client.ok(b"FETCH 1 (BODYSTRUCTURE BODY.PEEK[])"))
        assert b'"octet-stream" NIL NIL NIL "base64" ' in said
        assert b"\0" not in said

    at_home(data, main, database=database)


def test_binary_content_is_refused_with_its_reason(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        before = await state(client)
        binary = b"Content-Transfer-Encoding: binary\r\n\r\na%sb"
        for letter in (binary % (b"\0" * 5_000_000), b"Subject: \0\r\n\r\n"):
            await client.say(b"a APPEND INBOX ~{%d+}\r\n%s\r\n" % (len(letter), letter))
            assert (await client.line()).startswith(b"a NO [UNKNOWN-CTE] ")
        assert await client.ok(b"NOOP") == []
        assert await state(client) == before
        assert home.files() == []

    at_home(data, main, database=database)


def test_a_mailbox_deleted_between_two_messages(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client, other = await home.alice(), await home.alice()
        await client.ok(b"CREATE x")
        await client.say(b"a APPEND x%s {20}\r\n" % offered(large(2_000_000)))
        assert (await client.line()).startswith(b"+ ")
        await other.ok(b"DELETE x")
        await other.ok(b"CREATE x")
        await client.say(LETTER + b"\r\n")
        assert (await client.line()).startswith(b"a NO [TRYCREATE]")
        assert await client.ok(b"STATUS x (MESSAGES)") == [b'* STATUS "x" (MESSAGES 0)\r\n']
        assert home.files() == []

    at_home(data, main, database=database)


def test_two_sets_at_the_edge_of_the_quota(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        clients = [await home.alice() for _ in range(3)]
        for client in clients:
            await client.say(b"a APPEND INBOX%s {20}\r\n" % offered(large(600)))
            assert (await client.line()).startswith(b"+ ")
        for client in clients:
            await client.say(LETTER + b"\r\n")
        answers = sorted([await client.line() for client in clients])
        assert answers[0].startswith(b"a NO [OVERQUOTA] ")
        assert answers[1].startswith(b"a NO [OVERQUOTA] ")
        assert answers[2].startswith(b"a OK [APPENDUID ")
        assert await clients[0].ok(b"STATUS INBOX (MESSAGES)") == [
            b'* STATUS "INBOX" (MESSAGES 2)\r\n'
        ]

    at_home(data, main, database=database, quota=1000)


def test_a_large_message_is_copied_by_its_url_and_takes_little_memory(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        letter = b"Subject: x\r\n\r\n" + b"0123456789abcdef" * 1_500_000
        await client.append(letter)
        tracemalloc.start()
        await client.ok(b'APPEND Drafts CATENATE (URL "/INBOX/;UID=1" URL "/INBOX/;UID=1")')
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 24_000_000  # of 48 million; as much is ahead as disk and threads are quick
        size = b'* STATUS "Drafts" (MESSAGES 1 SIZE %d)\r\n' % (2 * len(letter))
        assert await client.ok(b"STATUS Drafts (MESSAGES SIZE)") == [size]

    at_home(data, main, max_message=100_000_000)


def test_parts_that_are_too_much_together(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(large(2_000_000))
        before = await state(client), home.files()
        part = b'URL "/INBOX/;UID=1"'
        refused = await client.command(b"APPEND Drafts CATENATE (%s %s)" % (part, part))
        assert refused[-1].startswith(b"NO [TOOBIG] ")
        await client.say(b"a APPEND Drafts CATENATE (%s TEXT {1500000}\r\n" % part)
        assert (await client.line()).startswith(b"a NO [TOOBIG] ")
        many = b"APPEND Drafts CATENATE (TEXT {1+}\r\nx" + b" TEXT {0+}\r\n" * 1000 + b")"
        assert (await client.command(many))[-1].startswith(b"NO [LIMIT] ")
        assert (await state(client), home.files()) == before
        await client.ok(b"NOOP")

    at_home(data, main, database=database, max_message=3_000_000)


def test_what_was_quoted_is_gone_in_the_middle(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client, other = await home.alice(), await home.alice("INBOX")
        await client.append(LETTER)
        await other.ok(b"NOOP")
        before = await client.ok(b"STATUS Drafts (MESSAGES UIDNEXT)")
        await client.say(b'a APPEND Drafts CATENATE (URL "/INBOX/;UID=1" TEXT {3}\r\n')
        assert (await client.line()).startswith(b"+ ")
        await other.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        await other.ok(b"EXPUNGE")
        await client.say(b'abc URL "/INBOX/;UID=1" TEXT {12+}\r\nx DELETE X\r\n)\r\n')
        assert (await client.line()).startswith(b"a NO [BADURL /INBOX/;UID=1] ")
        assert await client.ok(b"STATUS Drafts (MESSAGES UIDNEXT)") == before

    at_home(data, main, database=database)
