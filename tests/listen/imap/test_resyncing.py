"""Resynchronisation through the door, where there is much to tell."""

import re
import time
from pathlib import Path

import pytest

from postroom.store import vanished
from tests.access.shop import put
from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


async def enabled(home: House) -> Client:
    client = await home.alice()
    assert await client.ok(b"ENABLE QRESYNC") == [b"* ENABLED QRESYNC\r\n"]
    return client


def code(lines: list[bytes], name: bytes) -> int:
    found = [match for line in lines if (match := re.search(rb"\[%s (\d+)\]" % name, line))]
    return int(found[-1][1])


def uids(lines: list[bytes], start: bytes = b"* VANISHED (EARLIER) ") -> list[int]:
    """What responses with a set of UIDs name, in their order."""
    found: list[int] = []
    for line in lines:
        if line.startswith(start):
            for part in line[len(start) :].strip().split(b","):
                low, _, high = part.partition(b":")
                found += range(int(low), int(high or low) + 1)
    return found


def fetched(lines: list[bytes]) -> list[int]:
    return [int(m[1]) for line in lines if (m := re.match(rb"\* \d+ FETCH \(UID (\d+) ", line))]


def test_thousands_of_changes_come_whole(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        for _ in range(12):
            await put(home.store, *[LETTER] * 500)
        client = await enabled(home)
        lines = await client.ok(b"SELECT INBOX")
        validity, start = code(lines, b"UIDVALIDITY"), code(lines, b"HIGHESTMODSEQ")
        other = await home.alice("INBOX")
        odd = b",".join(b"%d" % uid for uid in range(1, 6001, 2))
        await other.ok(b"UID STORE %s +FLAGS.SILENT (\\Deleted)" % odd)
        await other.ok(b"EXPUNGE")
        await other.ok(b"STORE 1:* +FLAGS.SILENT (\\Seen)")
        # the session that is there hears all of it at once
        lines = await client.ok(b"NOOP")
        assert sorted(uids(lines, b"* VANISHED ")) == list(range(1, 6001, 2))
        assert fetched(lines) == list(range(2, 6001, 2))
        assert (await client.ok(b"NOOP")) == []
        # and so does one that comes back
        back = await enabled(home)
        lines = await back.ok(b"SELECT INBOX (QRESYNC (%d %d))" % (validity, start))
        assert uids(lines) == list(range(1, 6001, 2))
        assert fetched(lines) == list(range(2, 6001, 2))
        known = b"SELECT INBOX (QRESYNC (%d %d 1:100 (1:50 2,4,5)))" % (validity, start)
        lines = await back.ok(known)
        assert uids(lines) == list(range(5, 101, 2))
        assert fetched(lines) == list(range(2, 101, 2))

    at_home(data, main, database=database)


def test_what_the_store_has_forgotten_is_told_as_all_that_is_missing(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vanished, "KEPT", 2)

    async def main(home: House) -> None:
        await put(home.store, *[LETTER] * 20)
        waiting = await enabled(home)
        lines = await waiting.ok(b"SELECT INBOX")
        validity, start = code(lines, b"UIDVALIDITY"), code(lines, b"HIGHESTMODSEQ")
        other = await home.alice("INBOX")
        for number in (3, 4, 5, 6, 7):
            await other.ok(b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % number)
            await other.ok(b"UID EXPUNGE %d" % number)
        middle = code(await other.ok(b"EXAMINE INBOX"), b"HIGHESTMODSEQ")
        await other.ok(b"SELECT INBOX")
        await other.ok(b"UID STORE 10 +FLAGS.SILENT (\\Deleted)")
        await other.ok(b"EXPUNGE")
        assert await home.store.forget_expunges() == 1
        client = await enabled(home)
        lines = await client.ok(b"SELECT INBOX (QRESYNC (%d %d))" % (validity, middle))
        assert uids(lines) == [10]
        lines = await client.ok(b"SELECT INBOX (QRESYNC (%d %d))" % (validity, start))
        assert uids(lines) == [3, 4, 5, 6, 7, 10]
        lines = await client.ok(b"SELECT INBOX (QRESYNC (%d %d (1:4 1,2,8,9)))" % (validity, start))
        assert uids(lines) == [10]
        lines = await client.ok(b"UID FETCH 4:8 FLAGS (CHANGEDSINCE %d VANISHED)" % start)
        assert uids(lines) == [4, 5, 6, 7]
        # a session that has waited all the time compares what it has
        lines = await waiting.ok(b"NOOP")
        assert uids(lines, b"* VANISHED ") == [3, 4, 5, 6, 7, 10]

    at_home(data, main, database=database)


def test_hostile_sets_cost_nothing(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        await put(home.store, *[LETTER] * 3)
        client = await enabled(home)
        validity = code(await client.ok(b"SELECT INBOX"), b"UIDVALIDITY")
        many = b",".join([b"1:4294967295"] * 1500)
        odd = b",".join(b"%d" % uid for uid in range(1, 6000, 2))
        start = time.process_time()
        for known in (
            b"1:4294967295 (1:4294967295 1:4294967295)",
            many + b" (" + many + b" " + many + b")",
            odd + b" (" + odd + b" " + odd + b")",
        ):
            await client.ok(b"SELECT INBOX (QRESYNC (%d 1 %s))" % (validity, known))
        assert time.process_time() - start < 2

    at_home(data, main, database=database)
