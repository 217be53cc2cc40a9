"""Pipelined FETCHes of one message each are answered as if each had been waited for."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest

from tests.conftest import Opener
from tests.listen.imap.house import PATIENCE, Client, House, at_home

LETTERS = 200  # more than are read ahead at once
BEATS = 5  # between them another session changes the mailbox
LARGE = 17  # the number of a letter that is streamed

BEGINNINGS = [
    b"NOOP",
    b"ENABLE CONDSTORE",
    b"ENABLE QRESYNC",
    b"ENABLE UIDONLY",
    b"ENABLE IMAP4REV2",
]
ITEMS = [
    b"(BODY.PEEK[])",
    b"(INTERNALDATE RFC822.SIZE BODY.PEEK[])",
    b"(ENVELOPE BODY.PEEK[])",
    b"(UID BODY.PEEK[])",
    b"(BODY.PEEK[]) ",  # BAD
    b"(BODY.PEEK[TEXT])",
    b"(BODY.PEEK[]<3.9>)",
    b"(BODY[])",
    b"(FLAGS BODY.PEEK[])",
    b"(MODSEQ BODY.PEEK[])",
    b"(BODY.PEEK[]) (CHANGEDSINCE 3)",
    b"(BODY.PEEK[HEADER.FIELDS ({7}\r\nSubject)])",
]
OTHERS = [
    b"NOOP",
    b"UID FETCH 5:9 (BODY.PEEK[])",
    b"FETCH 2 (FLAGS)",
    b"UID STORE 7 +FLAGS (\\Seen)",
    b"UID SEARCH UNSEEN",
    b"UID FETCH (BODY.PEEK[])",  # BAD
    b"CHECK",
]
CHANGES = [
    b"UID STORE %d +FLAGS (\\Flagged)",
    b"UID STORE %d -FLAGS (\\Seen)",
    b"UID STORE %d +FLAGS.SILENT (\\Deleted)",
    b"UID EXPUNGE %d:%d",
    b"APPEND %b {15+}\r\nSubject: z\r\n\r\nz",
]


def letter(number: int) -> bytes:
    if number == LARGE:
        return b"Subject: %d\r\n\r\n" % number + b"large\r\n" * 50_000
    return b"Subject: %d\r\n\r\n" % number + b"line %d\r\n" % number * (number * 7 % 50)


async def fill(home: House, mailbox: bytes, count: int = LETTERS) -> None:
    client = await home.alice()
    await client.ok(b"CREATE " + mailbox)
    literals = [b' "01-Jan-2026 00:00:00 +0000" {%d+}\r\n%b' % (len(octets), octets)
                for octets in map(letter, range(1, count + 1))]  # fmt: skip
    await client.ok(b"APPEND %b%b" % (mailbox, b"".join(literals)))
    client.close()


async def until(client: Client, tag: bytes) -> bytes:
    """All that is said up to the line with this tag; BYE ends it too."""
    said = b""
    end = re.compile(rb"(?:\A|\r\n)" + tag + rb" (?:OK|NO|BAD)[^\r\n]*\r\n\Z")
    while not end.search(said, max(0, len(said) - 1000)):
        piece = await asyncio.wait_for(client.reader.read(1 << 16), PATIENCE)
        if not piece:
            return said
        said += piece
    return said


async def one_by_one(client: Client, commands: Sequence[bytes]) -> bytes:
    said = b""
    for command in commands:
        await client.say(command)
        said += await until(client, command.partition(b" ")[0])
    return said


async def together(client: Client, commands: Sequence[bytes], random: Random) -> bytes:
    """The same commands in pieces that end anywhere, without waiting for answers."""
    octets = b"".join(commands)
    cuts = sorted({0, len(octets), *[random.randrange(len(octets)) for _ in range(4)]})
    for start, end in itertools.pairwise(cuts):
        await client.say(octets[start:end])
        for _ in range(random.randrange(4)):
            await asyncio.sleep(0)
    return await until(client, commands[-1].partition(b" ")[0])


def commands(random: Random, beat: int) -> list[bytes]:
    """Runs of one FETCH, and what may come between."""
    words: list[bytes] = []
    uid = random.randrange(1, LETTERS)
    verb = random.choice([b"UID FETCH", b"UID FETCH", b"uid fetch", b"FETCH"])
    items = random.choice(ITEMS)
    for _ in range(random.randrange(1, 150)):
        kind = random.random()
        if kind < 0.02:
            words.append(random.choice(OTHERS))
        elif kind < 0.05:  # the numbers of messages that were read ahead change
            gone = random.randrange(1, LETTERS)
            words += [b"UID STORE %d +FLAGS (\\Deleted)" % gone, b"UID EXPUNGE %d" % gone]
        elif kind < 0.11:
            items = random.choice([ITEMS[0], random.choice(ITEMS)])
        elif kind < 0.13:
            uid = random.randrange(1, LETTERS + 20)  # also one that is not there
        words.append(b"%b %d %b" % (verb, uid, items))
        uid += random.random() < 0.97
    return [b"%d.%d %b\r\n" % (beat, number, word) for number, word in enumerate(words)]


@contextlib.asynccontextmanager
async def pair(home: House, mailbox: bytes, beginning: bytes) -> AsyncIterator[list[Client]]:
    """Who is tested, and another session that changes the mailbox."""
    found = [await home.alice(), await home.alice()]
    await found[0].ok(beginning)
    for client in found:
        await client.ok(b"SELECT " + mailbox)
    yield found
    for client in found:
        client.close()


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_the_same_is_said_as_to_a_client_that_waits(
    beginning: bytes, database: Opener, data: Path
) -> None:
    async def main(home: House) -> None:
        random = Random(beginning)
        for mailbox in (b"one", b"two"):
            await fill(home, mailbox)
        async with pair(home, b"one", beginning) as one, pair(home, b"two", beginning) as two:
            for beat in range(BEATS):
                said = commands(random, beat)
                expected = await one_by_one(one[0], said)
                assert await together(two[0], said, random) == expected
                uid = random.randrange(1, LETTERS)
                for change in random.choices(CHANGES, k=random.randrange(4)):
                    for mailbox, other in ((b"one", one[1]), (b"two", two[1])):
                        values = (mailbox,) if b"%b" in change else (uid, uid + 3)
                        await other.ok(change % values[: change.count(b"%")])

    at_home(data, main, database=database)


def test_every_plan_has_messages_of_its_own(database: Opener, data: Path) -> None:
    """What was read ahead for other items does not answer, not even behind a gap."""

    async def main(home: House) -> None:
        await fill(home, b"one", 20)
        client = await home.alice("one")
        said = [b"%d UID FETCH %d (BODY.PEEK[])\r\n" % (uid, uid) for uid in range(1, 6)]
        said += [b"6 UID FETCH 99 (ENVELOPE BODY.PEEK[])\r\n"]
        said += [b"7 UID FETCH 7 (ENVELOPE BODY.PEEK[])\r\n"]
        await client.say(b"".join(said))
        heard = await until(client, b"7")
        assert b"6 OK Fetched\r\n* 7 FETCH (UID 7 ENVELOPE (NIL" in heard
        client.close()

    at_home(data, main, database=database)


def test_changes_are_told_where_numbers_stay_right(database: Opener, data: Path) -> None:
    """Another session expunges while a client goes on without waiting for answers."""

    async def main(home: House) -> None:
        random = Random(7)
        await fill(home, b"one")
        client, other = await home.alice("one"), await home.alice("one")
        commands = [b"%d UID FETCH %d (BODY.PEEK[])\r\n" % (uid, uid) for uid in range(1, LETTERS)]
        await client.say(b"".join(commands[:60]))
        for step in range(60, LETTERS, 4):
            uid = random.randrange(1, LETTERS)
            await other.ok(b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uid)
            await other.ok(b"UID EXPUNGE %d" % uid)
            await client.say(b"".join(commands[step : step + 4]))
        said = await until(client, b"%d" % (LETTERS - 1))
        uids = list(range(1, LETTERS + 1))
        tags = 0
        while said:
            line, _, said = said.partition(b"\r\n")
            words = line.split()
            if words[1] == b"OK":
                tags += 1
                assert words[0] == b"%d" % tags
            elif words[2] == b"EXPUNGE":
                del uids[int(words[1]) - 1]
            elif words[2:4] == [b"FETCH", b"(FLAGS"] or b"BODY[]" not in words:
                assert int(words[words.index(b"(UID") + 1]) == uids[int(words[1]) - 1]
            else:
                uid, size = int(words[4]), int(words[6][1:-1])
                assert uids[int(words[1]) - 1] == uid
                assert (said[:size], said[size : size + 3]) == (letter(uid), b")\r\n")
                said = said[size + 3 :]
        assert tags == LETTERS - 1
        await client.ok(b"NOOP")
        assert await client.ok(b"UID SEARCH ALL") == await other.ok(b"UID SEARCH ALL")
        for each in (client, other):
            each.close()

    at_home(data, main, database=database)


def test_a_share_that_ends_ends_the_series(data: Path) -> None:
    async def main(home: House) -> None:
        await fill(home, b"one")
        await home.share("alice", "one", "bob@demo.test", "lr")
        bob = await home.person("bob", "Other Users/alice@demo.test/one")
        said = [b"%d UID FETCH %d (BODY.PEEK[])\r\n" % (uid, uid) for uid in range(1, 40)]
        await bob.say(b"".join(said))
        heard = await until(bob, b"39")
        assert heard.count(b" OK Fetched\r\n") == 39
        await home.share("alice", "one", "bob@demo.test", "l")
        await bob.say(b"".join(said))
        heard = await bob.rest()
        assert b" OK Fetched\r\n" not in heard
        assert heard.startswith(b"* BYE [NOPERM]")

    at_home(data, main)
