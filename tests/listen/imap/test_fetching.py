"""FETCH through the door."""

from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home, literal

LETTER = b"Subject: x\r\nFrom: a@b\r\n\r\nbody\r\n"


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


def test_a_series_is_interrupted_by_whatever_comes(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client, other = await home.alice(), await home.alice("INBOX")
        for number in range(1, 6):
            await client.append(b"Subject: %d\r\n\r\nbody %d\r\n" % (number, number))
        await client.ok(b"SELECT INBOX")
        await other.ok(b"NOOP")
        await other.ok(b"UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        await other.ok(b"EXPUNGE")
        await client.say(
            b"a UID FETCH 1 (BODY.PEEK[TEXT])\r\n"
            b"b UID FETCH 9 (BODY.PEEK[TEXT])\r\n"  # there is none
            b"c UID FETCH 0 (BODY.PEEK[TEXT])\r\n"
            b"d UID FETCH 3 (BODY.PEEK[TEXT])\r\n"
            b"e UID FETCH 4 (BODY.PEEK[TEXT])\r\n"
            b"f FETCH 4 (BODY.PEEK[TEXT])\r\n"
            b"g FETCH 9 (BODY.PEEK[TEXT])\r\n"
            b"h FETCH 1 (BODY.PEEK[TEXT])\r\n"
            b"i LOGOUT\r\n"
        )
        text = b"* %d FETCH (UID %d BODY[TEXT] {8}\r\nbody %d\r\n)\r\n"
        one = b"* %d FETCH (BODY[TEXT] {8}\r\nbody %d\r\n)\r\n"
        said = await client.rest()
        heard = said.index(b"* 2 EXPUNGE\r\n")
        assert heard < said.index(b"d OK")
        said = said.replace(b"* 2 EXPUNGE\r\n", b"")
        expected = [
            text % (1, 1, 1) + b"a OK Fetched\r\n",
            b"b OK Fetched\r\n",
            b"c BAD ",
            text % (2, 3, 3) + b"d OK Fetched\r\n",
            text % (3, 4, 4) + b"e OK Fetched\r\n",
            one % (4, 5) + b"f OK Fetched\r\n",
            b"g BAD ",
            one % (1, 1) + b"h OK Fetched\r\n",
            b"* BYE ",
        ]
        at = 0
        for piece in expected:
            at = said.index(piece, at) + len(piece)
        assert said.count(b" FETCH (") == 5
        other.close()

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
            await client.append_many(LETTER, number // 3)
        await client.ok(b"SELECT INBOX")
        lines = await client.ok(b"UID FETCH 1:* (FLAGS)")
        assert lines == [
            b"* %d FETCH (UID %d FLAGS (\\Recent))\r\n" % (n, n) for n in range(1, number + 1)
        ]
        lines = await client.ok(b"FETCH 1:* (ENVELOPE BODY.PEEK[HEADER.FIELDS (Subject)])")
        assert sum(line.startswith(b"* ") for line in lines) == number
        client.close()

    at_home(data, main, database=database)
