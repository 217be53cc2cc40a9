"""What is sent at once, or in small pieces, is answered as what waits for each answer (RFC 3501 §5.5)."""

import re
from pathlib import Path
from random import Random
from typing import Final

import pytest

from postroom.listen.imap.door import Settings
from tests.conftest import Opener
from tests.listen.imap.house import Client, House, at_home

COMMANDS: Final = 50
LETTERS: Final = (
    *(b"Subject: %s\r\n\r\nbody %s\r\n" % (word, word) for word in (b"one", b"two", b"Re: one")),
    (
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        b"--x\r\n\r\nfirst\r\n--x\r\nContent-Type: text/html\r\n\r\n<b>second</b>\r\n--x--\r\n"
    ),
)
SETS: Final = ("1", "2:3", "1:*", "*", "2,4", "1:2,4:*", "6", "9")
ITEMS: Final = (
    *("FLAGS", "UID", "(UID FLAGS)", "ENVELOPE", "BODY.PEEK[]", "BODY[]", "BODY[TEXT]", "RFC822"),
    *("BODYSTRUCTURE", "BINARY.PEEK[1]", "BODY[1]<0.5>", "PREVIEW", "MODSEQ", "BODY.PEEK[2]"),
    "(BODY.PEEK[HEADER.FIELDS (SUBJECT)] UID)",
)
FLAGS: Final = ("\\Seen", "\\Deleted", "\\Flagged kw2", "kw")
CHANGES: Final = ("+FLAGS", "-FLAGS", "+FLAGS.SILENT", "-FLAGS.SILENT")
OTHERS: Final = (
    *("SEARCH ALL", "SEARCH 1:3 NOT SEEN", "SEARCH BODY second", "SEARCH CHARSET FOO ALL"),
    *("UID SEARCH RETURN (MIN MAX) UNDELETED", "UID SEARCH RETURN (SAVE) SEEN", "FETCH $ UID"),
    *(
        "EXPUNGE",
        "UID EXPUNGE 1:3",
        "NOOP",
        "CHECK",
        "COPY 1:* BOX",
        "MOVE 2 BOX",
        "UID MOVE 3 BOX",
    ),
    *("APPEND BOX (\\Seen) LETTER", "UID REPLACE 2 BOX LETTER", "SORT (REVERSE SUBJECT) UTF-8 ALL"),
    *("THREAD REFERENCES UTF-8 ALL", "STATUS BOX (MESSAGES UIDNEXT)", 'LIST "" BOX', "CREATE BOX"),
    *("CLOSE", "UNSELECT", "SELECT BOX", "SELECT BOX", "EXAMINE BOX", "SELECT nowhere", "BOGUS"),
    *("FETCH", "IDLE\r\nDONE", "ENABLE CONDSTORE", "LOGIN {1+}\r\na {1+}\r\nb", "ID NIL"),
)


def command(random: Random) -> str:
    kind = random.random()
    by_uid = random.choice(["", "UID "])
    if kind < 0.4:
        return f"{by_uid}FETCH {random.choice(SETS)} {random.choice(ITEMS)}"
    if kind < 0.6:
        return (
            f"{by_uid}STORE {random.choice(SETS)} {random.choice(CHANGES)} ({random.choice(FLAGS)})"
        )
    return random.choice(OTHERS)


async def prepared(home: House, box: str) -> Client:
    client = await home.alice()
    await client.ok(b"CREATE " + box.encode())
    for letter in LETTERS:
        await client.append(letter, box.encode())
    await client.ok(b"SELECT " + box.encode())
    return client


def spoken(commands: list[str], box: str) -> list[bytes]:
    """The commands with their tags, as they are sent."""
    letter = LETTERS[0].decode()
    return [
        f"q{number} {text}\r\n".replace("BOX", box)
        .replace("LETTER", f"{{{len(letter)}+}}\r\n{letter}")
        .encode()
        for number, text in enumerate(commands)
    ]


async def answer(client: Client, tag: bytes) -> bytes:
    """Everything up to the tagged line of the command."""
    lines: list[bytes] = []
    while not lines or not lines[-1].startswith(tag + b" "):
        lines.append(await client.line())
        assert lines[-1], lines
    return b"".join(lines)


def alike(said: bytes, box: str) -> bytes:
    """Without what differs from mailbox to mailbox."""
    said = said.replace(box.encode(), b"BOX")
    said = re.sub(rb"(UIDVALIDITY|APPENDUID|COPYUID) [0-9]+", rb"\1", said)
    return re.sub(rb"MAILBOXID \([^)]*\)", b"MAILBOXID", said)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_pipelined_is_answered_the_same(database: Opener, data: Path, seed: int) -> None:
    random = Random(seed)
    commands = [command(random) for _ in range(COMMANDS)]
    last = b"q%d" % (COMMANDS - 1)

    async def main(home: House) -> None:
        patient = await prepared(home, "Patient")
        expected = b""
        for number, octets in enumerate(spoken(commands, "Patient")):
            await patient.say(octets)
            expected += await answer(patient, b"q%d" % number)
        hasty = await prepared(home, "Hasty")
        await hasty.say(b"".join(spoken(commands, "Hasty")))
        assert alike(await answer(hasty, last), "Hasty") == alike(expected, "Patient")
        halting = await prepared(home, "Halting")
        octets = b"".join(spoken(commands, "Halting"))
        size = random.randrange(1, 20)
        for at in range(0, len(octets), size):
            await halting.say(octets[at : at + size])
        assert alike(await answer(halting, last), "Halting") == alike(expected, "Patient")

    lenient = Settings(hostname="x", auth="plain", soft_errors=COMMANDS, hard_errors=COMMANDS)
    at_home(data, main, database=database, settings=lenient)
