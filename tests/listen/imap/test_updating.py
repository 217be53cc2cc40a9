"""UPDATE through the door: limits, and whom it concerns."""

from pathlib import Path

from postroom.access import contexts
from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_the_number_of_contexts_is_bounded(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.append(LETTER)
        await client.ok(b"SELECT INBOX")
        for _ in range(contexts.MOST):
            (line,) = await client.ok(b"SEARCH RETURN (UPDATE COUNT) ALL")
            assert line.endswith(b"COUNT 1\r\n")
        count, refused = await client.ok(b"SEARCH RETURN (UPDATE COUNT) ALL")
        assert count == b'* ESEARCH (TAG "t14") COUNT 1\r\n'
        assert refused.startswith(b'* NO [NOUPDATE "t14"] ')
        await client.ok(b'CANCELUPDATE "t4" "t4" "t5"')
        (line,) = await client.ok(b"SEARCH RETURN (UPDATE COUNT) ALL")
        assert (await client.command(b'CANCELUPDATE "t4"'))[-1].startswith(b"BAD ")
        lines = await client.ok(b"STORE 1 +FLAGS.SILENT (\\Seen)")
        assert lines == []
        await client.append(LETTER)
        lines = await client.ok(b"NOOP")
        assert lines == []

    at_home(data, main, database=database)


def test_a_search_that_fails_is_not_kept_up_to_date(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice("INBOX")
        await client.say(b"x SEARCH RETURN (UPDATE) CHARSET X-FOO ALL\r\n")
        assert (await client.line()).startswith(b"x NO [BADCHARSET")
        await client.say(b"x SEARCH RETURN (UPDATE) 5\r\n")
        assert (await client.line()).startswith(b"x BAD ")
        await client.say(b"x SEARCH RETURN (UPDATE) ALL\r\n")
        assert await client.line() == b'* ESEARCH (TAG "x")\r\n'
        assert (await client.line()).startswith(b"x OK ")
        lines = await client.command(b'CANCELUPDATE "y"')
        assert lines[-1].startswith(b"BAD ")
        await client.ok(b"CLOSE")
        lines = await client.command(b'CANCELUPDATE "x"')
        assert lines[-1].startswith(b"BAD ")

    at_home(data, main, database=database)


def test_a_mailbox_that_another_session_deletes(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        await client.ok(b"CREATE box")
        for _ in range(3):
            await client.append(LETTER, b"box")
        await client.ok(b"SELECT box")
        await client.ok(b"SEARCH RETURN (UPDATE) ALL")
        await client.ok(b"UID SORT RETURN (UPDATE) (ARRIVAL) UTF-8 ALL")
        other = await home.alice()
        await other.ok(b"DELETE box")
        await client.say(b"n NOOP\r\n")
        assert await client.rest() == b"* BYE The selected mailbox was deleted\r\n"

    at_home(data, main, database=database)
