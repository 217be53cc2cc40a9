"""Commands that mean much in few octets, on a mailbox of 100,000 messages.

What is counted are steps of the program, calls of Python and of C in all its threads: a command
of twice the length may take about twice as many, and none more than some for each message. No
test judges a time.
"""

import asyncio
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any, Self

import pytest

from postroom.db.database import Tx
from postroom.store import blocks
from tests.listen.imap.house import PATIENCE, Client, House, at_home

MESSAGES = 100_000
SPREAD = 3  # between two UIDs: a third of them is used


class Steps:
    """Counts calls in every thread that begins while it is there."""

    def __init__(self) -> None:
        self._count = 0

    def __enter__(self) -> Self:
        threading.setprofile(self)
        sys.setprofile(self)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    def __call__(self, _frame: FrameType, event: str, _argument: Any) -> None:
        if event in ("call", "c_call"):
            self._count += 1

    def taken(self) -> int:
        """How many since it was last asked."""
        count, self._count = self._count, 0
        return count


async def fill(home: House) -> None:
    """The INBOX of alice gets so many entries of one message."""
    client = await home.alice()
    await client.append(b"Subject: x\r\n\r\nbody\r\n")

    def write(tx: Tx) -> None:
        tx.execute(
            "INSERT INTO entry (account_id, mailbox_id, uid, message_id, modseq, flags, keywords,"
            " size, received, saved) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL"
            " SELECT i + 1 FROM n WHERE i < :last) SELECT e.account_id, e.mailbox_id,"
            " 1 + :spread * n.i, e.message_id, 2, n.i % 2, '', e.size, e.received, e.saved"
            " FROM n CROSS JOIN entry e",
            last=MESSAGES - 1,
            spread=SPREAD,
        )
        blocks.recount(tx, tx.all("SELECT mailbox_id FROM entry LIMIT 1")[0][0])
        tx.execute("UPDATE message SET refs = :messages", messages=MESSAGES)
        tx.execute(
            "UPDATE mailbox SET messages = :messages, octets = octets * :messages, uidnext = :next"
            " WHERE name = 'INBOX'",
            messages=MESSAGES,
            next=2 + SPREAD * MESSAGES,
        )

    await home.store.db.write(write)


async def answered(client: Client, command: bytes) -> None:
    """Say it and read the answer, which must be OK, in few steps of the client."""
    tag = b"s%d" % len(command)
    await client.say(tag + b" " + command + b"\r\n")
    said = b""
    while (b"\r\n" + tag + b" ") not in b"\r\n" + said[-500:]:
        said += await asyncio.wait_for(client.reader.read(1 << 20), PATIENCE)
    assert said.rpartition(tag)[2].startswith(b" OK"), said[-200:]


def numbers(count: int, spread: int) -> bytes:
    """Numbers far from each other."""
    return b",".join([b"%d" % (1 + spread * at) for at in range(count)])


def overlapping(count: int) -> bytes:
    """Ranges that all begin with the first message."""
    return b",".join([b"1:%d" % (100 + at) for at in range(count)])


# The same command at its length and at twice that, or of twice as many messages.
COMMANDS = {
    "all messages": (b"FETCH 1:50000 FLAGS", b"FETCH 1:* FLAGS"),
    "all UIDs there can be": (b"UID FETCH 1:150000 UID", b"UID FETCH 1:4294967295 UID"),
    "one message many times": [b"FETCH %s1 UID" % (b"1," * count) for count in (8000, 16_000)],
    "scattered messages": [b"UID FETCH %s UID" % numbers(n, 7) for n in (4000, 8000)],
    "overlapping ranges": [b"UID FETCH %s UID" % overlapping(n) for n in (3000, 6000)],
    "changes of one message": [
        b"STORE %s1 +FLAGS.SILENT (\\Seen)" % (b"1," * count) for count in (6000, 12_000)
    ],
    "a search for scattered messages": [b"SEARCH %s" % numbers(n, 3) for n in (4000, 8000)],
    "a search for everything": (b"UID SEARCH UID 1:150000", b"UID SEARCH UID 1:*"),
    "many sets": [b"SEARCH" + b" UID 1:*" * count for count in (400, 800)],
    "many other sets": [b"SEARCH" + b" 1:5,9" * count for count in (400, 800)],
    "many sets to choose from": [
        b"SEARCH" + b" OR UID 1:*" * count + b" UID 1" for count in (45, 90)
    ],
    "a deep tree": [b"SEARCH" + b" OR SEEN" * count + b" UNSEEN" for count in (45, 90)],
    "a wide tree": [b"SEARCH" + b" OR LARGER 1 SMALLER 9" * count for count in (100, 200)],
    "many different keys": [
        b"SEARCH" + b"".join([b" LARGER %d" % at for at in range(count)]) for count in (50, 100)
    ],
    "wildcards": [b'LIST "" ' + b"*%" * count for count in (250, 500)],
    "wildcards between letters": [b'LIST "" ' + b"*a%b" * count for count in (120, 240)],
}


def test_work_grows_with_the_command_and_the_answer_only(data: Path) -> None:
    steps = Steps()

    async def main(home: House) -> None:
        await fill(home)
        client = await home.alice("INBOX")
        for name, (once, twice) in COMMANDS.items():
            steps.taken()
            await answered(client, once)
            few = steps.taken()
            await answered(client, twice)
            many = steps.taken()
            assert many < 2.5 * few + 2000, f"{name}: {few} steps, then {many}"
            assert many < 25 * MESSAGES, f"{name}: {many} steps"

    with steps:
        at_home(data, main)


@pytest.mark.parametrize(
    "command",
    [
        b"SEARCH" + b" (" * 200,
        b"SEARCH" + b" OR" * 5000 + b" ALL",
        b"SEARCH" + b" NOT" * 10_000 + b" ALL",
        b"SEARCH" + b" ALL" * 10_000,
        b"UID FETCH %s UID" % b",".join([b"4294967296"] * 100),
        b"FETCH 1:" + b"9" * 60_000 + b" UID",
        b'LIST "" ' + b"%" * 60_000,
        b"UID FETCH 1 (%s)" % b" ".join([b"BODY[%d]" % at for at in range(1, 400)]),
    ],
)
def test_what_is_too_much_is_refused_at_once(data: Path, command: bytes) -> None:
    steps = Steps()

    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        steps.taken()
        (line,) = await client.command(command)
        assert line.startswith((b"BAD ", b"NO "))
        assert steps.taken() < 30_000
        await client.ok(b"NOOP")

    with steps:
        at_home(data, main)
