"""Access control lists through the door; what is set is what the postmaster sees."""

from pathlib import Path

from postroom.directory import shares
from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

INBOX = b'"Other Users/alice@demo.test/INBOX"'


def test_lists_and_commands_are_one(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        alice, bob = await home.alice(), await home.person("bob")
        await home.share("alice", "INBOX", "bob@demo.test", "lr")
        assert b'"bob@demo.test" lr\r\n' in (await alice.ok(b"GETACL INBOX"))[0]
        await alice.ok(b"SETACL INBOX team@demo.test lrs")
        await alice.ok(b"DELETEACL INBOX bob@demo.test")
        found = await home.directory.look(lambda tx: shares.of(tx, 1))
        assert [(one.mailbox_id, one.identifier) for one in found] == [(1, "team@demo.test")]
        assert found[0].rights == frozenset("lrs")
        assert await bob.ok(b"MYRIGHTS " + INBOX) == [b"* MYRIGHTS " + INBOX + b" lrs\r\n"]
        # pipelined: the second sees what the first has done (RFC 4314 §5.1.1)
        await alice.say(b"x SETACL INBOX team@demo.test +w\r\ny GETACL INBOX\r\n")
        assert (await alice.line()).startswith(b"x OK")
        assert b'"team@demo.test" lrsw\r\n' in await alice.line()

    at_home(data, main, database=database)


def test_people_may_open_mailboxes_where_the_settings_say_so(data: Path) -> None:
    async def main(home: House) -> None:
        home.services.may_open = True
        alice, carol = await home.alice(), await home.person("carol")
        await alice.ok(b"SETACL INBOX anyone lr")
        await alice.ok(b"SETACL INBOX @demo.test s")
        assert await carol.ok(b"MYRIGHTS " + INBOX) == [b"* MYRIGHTS " + INBOX + b" lrs\r\n"]

    at_home(data, main)


def test_names_are_written_as_the_client_reads_them(data: Path) -> None:
    async def main(home: House) -> None:
        alice = await home.alice()
        await alice.ok(b"CREATE &ANw-ber")
        assert (await alice.ok(b"MYRIGHTS &ANw-ber"))[0].startswith(b'* MYRIGHTS "&ANw-ber" ')
        assert (await alice.ok(b'GETACL "&ANw-ber"'))[0].startswith(b'* ACL "&ANw-ber" ')

    at_home(data, main)
