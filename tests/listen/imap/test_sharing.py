"""Mailboxes of others through the door: rights that change under a session."""

from pathlib import Path

import pytest

from postroom.db.database import Tx
from postroom.directory import version
from postroom.directory.reach import Reach
from postroom.notify import DIRECTORY
from tests.conftest import Opener
from tests.fakes import Clock
from tests.listen.imap.house import Client, House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"
INBOX = "Other Users/alice@demo.test/INBOX"
QUOTED = b'"%s"' % INBOX.encode()
GONE = b"* BYE [NOPERM] This mailbox is not shared with you any more\r\n"


async def prepared(home: House, rights: str = "lrswite") -> tuple[Client, Client]:
    """Alice with two letters in an INBOX that bob has selected."""
    alice = await home.alice("INBOX")
    await alice.append(LETTER)
    await alice.append(LETTER)
    await home.share("alice", "INBOX", "bob@demo.test", rights)
    return alice, await home.person("bob", INBOX)


@pytest.mark.parametrize(
    "command",
    [
        b"NOOP",
        b"FETCH 1:* BODY[]",
        b"UID FETCH 1:* FLAGS",
        b"SEARCH ALL",
        b"STORE 1 +FLAGS (\\Deleted)",
        b"COPY 1:* INBOX",
        b"MOVE 1:* INBOX",
        b"EXPUNGE",
        b"CLOSE",
        b"STATUS INBOX (MESSAGES)",
        b"IDLE",
    ],
)
def test_a_share_that_ends_ends_at_the_next_command(command: bytes, data: Path) -> None:
    async def main(home: House) -> None:
        alice, bob = await prepared(home)
        await home.share("alice", "INBOX", "bob@demo.test", "l")
        await bob.say(b"z " + command + b"\r\n")
        assert await bob.rest() == GONE
        assert (await alice.ok(b"STATUS INBOX (MESSAGES)"))[0].endswith(b"(MESSAGES 2)\r\n")
        assert await alice.ok(b"SEARCH DELETED") == [b"* SEARCH\r\n"]

    at_home(data, main)


def test_a_share_that_ends_ends_idle(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        alice, bob = await prepared(home)
        await bob.say(b"z IDLE\r\n")
        assert await bob.line() == b"+ idling\r\n"
        await home.share("alice", "INBOX", "bob@demo.test", "")
        # nobody told bob's session: what comes wakes it, and it looks before it speaks
        await alice.append(LETTER)
        assert await bob.rest() == GONE
        await home.share("alice", "INBOX", "bob@demo.test", "lr")
        bob = await home.person("bob", INBOX)
        await bob.say(b"z IDLE\r\n")
        assert await bob.line() == b"+ idling\r\n"
        await home.share("alice", "INBOX", "bob@demo.test", "")
        home.store.notify.publish([DIRECTORY])  # as the hint of a command does
        assert await bob.rest() == GONE

    at_home(data, main, database=database)


def test_rights_that_change_are_told(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        _, bob = await prepared(home)
        await home.share("alice", "INBOX", "bob@demo.test", "lrs")
        lines = await bob.ok(b"NOOP")
        assert lines[0] == b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n"
        assert lines[1].startswith(b"* OK [PERMANENTFLAGS (\\Seen)] ")
        refused = await bob.command(b"STORE 1 +FLAGS (\\Flagged)")
        assert refused[-1].startswith(b"NO [NOPERM] ")
        assert await bob.ok(b"STORE 1 +FLAGS (\\Seen)") == [b"* 1 FETCH (FLAGS (\\Seen))\r\n"]
        assert (await bob.command(b"EXPUNGE"))[-1].startswith(b"NO [NOPERM] ")
        assert (await bob.command(b"MOVE 1 INBOX"))[-1].startswith(b"NO [NOPERM] ")
        await home.share("alice", "INBOX", "bob@demo.test", "lrste")
        lines = await bob.ok(b"NOOP")
        assert lines[1].startswith(b"* OK [PERMANENTFLAGS (\\Deleted \\Seen)] ")
        await bob.ok(b"UNSELECT")

    at_home(data, main, database=database)


def test_reading_marks_as_seen_only_with_the_right(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        alice, bob = await prepared(home, "lr")
        lines = await bob.ok(b"FETCH 1 (FLAGS BODY[TEXT])")
        assert lines[0] == b"* 1 FETCH (FLAGS () BODY[TEXT] {6}\r\n"
        await home.share("alice", "INBOX", "bob@demo.test", "lrs")
        lines = (await bob.ok(b"FETCH 1 (FLAGS BODY[TEXT])"))[-3:]
        assert lines[0] == b"* 1 FETCH (FLAGS (\\Seen) BODY[TEXT] {6}\r\n"
        assert await alice.ok(b"SEARCH SEEN") == [b"* SEARCH\r\n"]
        assert await bob.ok(b"SEARCH SEEN") == [b"* SEARCH 1\r\n"]

    at_home(data, main, database=database)


def test_append_takes_the_right_to_insert_before_the_message_is_asked_for(
    database: Opener, data: Path
) -> None:
    async def main(home: House) -> None:
        alice, bob = await prepared(home, "lr")
        assert (await bob.command(b"APPEND %s {9}" % QUOTED))[0].startswith(b"NO [NOPERM] ")
        await home.share("alice", "INBOX", "bob@demo.test", "i")
        carol = await home.person("carol")
        assert (await carol.command(b"APPEND %s {9}" % QUOTED))[0].startswith(b"NO [TRYCREATE] ")
        other = await home.person("bob")
        await other.ok(b"APPEND %s (\\Seen \\Flagged) {%d+}\r\n%s" % (QUOTED, len(LETTER), LETTER))
        assert (await alice.ok(b"NOOP"))[0] == b"* 3 EXISTS\r\n"
        assert await alice.ok(b"FETCH 3 FLAGS") == [b"* 3 FETCH (FLAGS (\\Recent))\r\n"]
        await home.share("alice", "INBOX", "bob@demo.test", "lrsi")
        await other.ok(b"APPEND %s (\\Seen \\Flagged) {%d+}\r\n%s" % (QUOTED, len(LETTER), LETTER))
        await other.ok(b"SELECT " + QUOTED)
        assert await other.ok(b"SEARCH SEEN") == [b"* SEARCH 4\r\n"]
        assert (await alice.ok(b"SEARCH OR SEEN FLAGGED"))[0] == b"* SEARCH\r\n"

    at_home(data, main, database=database)


def test_sessions_without_shares_ask_for_nothing(data: Path) -> None:
    async def main(home: House) -> None:
        alice = await home.alice("INBOX")
        asked: list[int] = []
        reach = home.directory.reach

        async def counted(account_id: int) -> Reach:
            asked.append(account_id)
            return await reach(account_id)

        home.directory.reach = counted  # type: ignore[method-assign]
        await alice.append(LETTER)
        for command in (b"NOOP", b"FETCH 1:* FLAGS", b"STORE 1 +FLAGS (\\Seen)", b"SEARCH ALL"):
            await alice.ok(command)
        await alice.ok(b"COPY 1 Drafts")
        await alice.ok(b"SELECT Drafts")
        assert asked == []

    at_home(data, main)


def test_what_another_server_changes_counts_within_a_second(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        _, bob = await prepared(home)

        def elsewhere(tx: Tx) -> None:
            tx.execute("DELETE FROM share")
            version.bump(tx)

        await home.store.db.write(elsewhere)
        assert isinstance(home.services.clock, Clock)
        home.services.clock.advance(seconds=1)
        await bob.say(b"z NOOP\r\n")
        assert await bob.rest() == GONE

    at_home(data, main, database=database)
