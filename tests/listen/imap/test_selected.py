"""The selected mailbox through the door, with several sessions."""

import time
from pathlib import Path

from postroom.listen.imap.selected import FEW
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


def test_a_keyword_of_another_is_told_before_flags_of_many(database: Opener, data: Path) -> None:
    """RFC 3501 §7.2.6."""

    async def main(home: House) -> None:
        client = await home.alice()
        await client.append_many(LETTER, FEW + 1)
        await client.ok(b"SELECT INBOX")
        other = await home.alice("INBOX")
        for number, command in enumerate((b"STORE 1:* +FLAGS (\\Seen)", b"FETCH 1:* FLAGS")):
            await other.ok(b"STORE 7 +FLAGS.SILENT (k%d)" % number)
            told = await client.ok(command)
            assert told[0].startswith(b"* FLAGS (")
            assert told[0].endswith(b" k%d)\r\n" % number)
            assert told[1].startswith(b"* OK [PERMANENTFLAGS (")
            assert b"k%d" % number in told[2 + 6]
            assert [line for line in told[2:] if line.split()[2] != b"FETCH"] == []

    at_home(data, main, database=database)


def test_new_flags_of_many_are_told_of_all(database: Opener, data: Path) -> None:
    """RFC 3501 §6.4.6: of those, too, that had them before; and nobody hears of it twice."""

    async def main(home: House) -> None:
        client = await home.alice()
        count = 3 * FEW
        await client.append_many(LETTER, count)
        other = await home.alice("INBOX")
        await client.ok(b"SELECT INBOX")
        await client.ok(b"STORE 5,7 +FLAGS.SILENT (\\Answered k)")
        await other.ok(b"NOOP")
        flags = {5: b"\\Answered \\Seen k", 7: b"\\Answered \\Seen k"}
        seen = [
            b"* %d FETCH (FLAGS (%b))\r\n" % (n, flags.get(n, b"\\Seen"))
            for n in range(1, count + 1)
        ]
        assert await client.ok(b"STORE 1:* +FLAGS (\\Seen)") == seen
        assert await client.ok(b"STORE 1:* +FLAGS (\\Seen)") == seen
        assert await client.ok(b"NOOP") == []
        heard = await other.ok(b"NOOP")
        assert len(heard) == count
        assert await client.ok(b"STORE 1:* FLAGS.SILENT ()") == []
        await other.ok(b"STORE 9 +FLAGS.SILENT (\\Deleted)")
        await other.ok(b"EXPUNGE")
        told = await client.ok(b"UID STORE 1:* +FLAGS (\\Flagged)")
        assert told == [
            b"* %d FETCH (UID %d FLAGS (\\Flagged))\r\n" % (n, n)
            for n in range(1, count + 1)
            if n != 9
        ] + [b"* 9 EXPUNGE\r\n"]
        await other.ok(b"ENABLE CONDSTORE")
        told = await other.ok(b"STORE 1:* -FLAGS (\\Flagged)")
        modseq = told[0].partition(b" MODSEQ ")[2]
        assert told == [
            b"* %d FETCH (UID %d FLAGS (\\Recent) MODSEQ %b" % (n - (n > 9), n, modseq)
            for n in range(1, count + 1)
            if n != 9
        ]
        assert await other.ok(b"NOOP") == []

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
        start = time.process_time()
        await client.ok(b"UID FETCH 1:4294967295 FLAGS")
        await client.ok(b"UID SEARCH UID 1:4294967295 NOT UID 2:4294967294")
        await client.ok(b"UID FETCH " + b",".join([b"1"] * 8000) + b" FLAGS")
        await client.ok(b"UID STORE 1:4294967295 +FLAGS (\\Seen)")
        assert time.process_time() - start < 1
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
