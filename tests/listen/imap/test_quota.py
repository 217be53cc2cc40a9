"""Quotas through the door."""

from pathlib import Path

from tests.conftest import Opener
from tests.listen.imap.house import House, at_home

LETTER = b"Subject: x\r\n\r\n" + b"x" * 2000 + b"\r\n"
INBOX = b'"Other Users/alice@demo.test/INBOX"'


def test_the_root_of_a_mailbox_is_its_owner(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        alice, bob = await home.alice(), await home.person("bob")
        await alice.append(LETTER)
        told = b'* QUOTA "alice@demo.test" (STORAGE 2 9)\r\n'
        assert await alice.ok(b"GETQUOTA alice@demo.test") == [told]
        assert await alice.ok(b"GETQUOTAROOT Drafts") == [
            b'* QUOTAROOT "Drafts" "alice@demo.test"\r\n',
            told,
        ]
        for command in (b"GETQUOTA alice@demo.test", b"GETQUOTAROOT " + INBOX, b'GETQUOTA ""'):
            assert (await bob.command(command))[-1].startswith(b"NO [NONEXISTENT]")
        await home.share("alice", "INBOX", "bob@demo.test", "l")
        assert (await bob.command(b"GETQUOTAROOT " + INBOX))[-1].startswith(b"NO [NOPERM]")
        await home.share("alice", "INBOX", "bob@demo.test", "lri")
        assert await bob.ok(b"GETQUOTAROOT " + INBOX) == [
            b"* QUOTAROOT " + INBOX + b' "alice@demo.test"\r\n',
            told,
        ]
        assert await bob.ok(b"GETQUOTA alice@demo.test") == [told]
        refused = await bob.command(b"APPEND " + INBOX + b" {9000}")
        assert refused[-1].startswith(b"NO [OVERQUOTA]")
        for client in (alice, bob):
            refused = await client.command(b"SETQUOTA alice@demo.test (STORAGE 512)")
            assert refused[-1].startswith(b"NO [NOPERM]")

    at_home(data, main, database=database, quota=10_000)


def test_without_a_limit_nothing_is_listed(data: Path) -> None:
    async def main(home: House) -> None:
        alice = await home.alice("INBOX")
        assert await alice.ok(b"GETQUOTA alice@demo.test") == [b'* QUOTA "alice@demo.test" ()\r\n']
        await alice.append(LETTER)
        await alice.append(LETTER)
        await alice.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        assert await alice.ok(b"STATUS INBOX (DELETED DELETED-STORAGE)") == [
            b'* STATUS "INBOX" (DELETED 1 DELETED-STORAGE %d)\r\n' % len(LETTER)
        ]

    at_home(data, main)


def test_the_quota_of_messages_holds_for_all_that_files(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        carol, bob = await home.person("carol"), await home.person("bob")
        told = b'* QUOTA "bob@demo.test" (STORAGE %d 1024 MESSAGE %d 2)\r\n'
        assert await carol.ok(b"SETQUOTA bob@demo.test (MESSAGE 2 STORAGE 1024)") == [told % (0, 0)]
        await bob.append(LETTER)
        await bob.ok(b"SELECT INBOX")
        await bob.ok(b"COPY 1 Archive")
        assert await bob.ok(b"GETQUOTA bob@demo.test") == [told % (4, 2)]
        for command in (b"COPY 1 Archive", b"APPEND INBOX {5+}\r\na: b\n"):
            refused = await bob.command(command)
            assert refused[-1].startswith(b"NO [OVERQUOTA]")
        await bob.ok(b"MOVE 1 Archive")  # within the account: it is no message more
        assert await bob.ok(b"STATUS Archive (MESSAGES)") == [
            b'* STATUS "Archive" (MESSAGES 2)\r\n'
        ]
        await home.share("carol", "INBOX", "bob@demo.test", "lrswipkxtea")
        await carol.append(LETTER)
        await bob.ok(b'SELECT "Other Users/carol@demo.test/INBOX"')
        assert (await bob.command(b"MOVE 1 INBOX"))[-1].startswith(b"NO [OVERQUOTA]")
        await bob.ok(b"SELECT Archive")
        await bob.ok(b"STORE 1 +FLAGS.SILENT (\\Deleted)")
        assert await bob.ok(b"STATUS Archive (DELETED)") == [b'* STATUS "Archive" (DELETED 1)\r\n']
        await bob.ok(b"EXPUNGE")
        assert await bob.ok(b"GETQUOTA bob@demo.test") == [told % (2, 1)]
        assert await carol.ok(b"SETQUOTA bob@demo.test (MESSAGE 0)") == [
            b'* QUOTA "bob@demo.test" (MESSAGE 1 1)\r\n'
        ]
        refused = await carol.command(b"SETQUOTA bob@demo.test (MAILBOX 5)")
        assert refused[-1].startswith((b"NO", b"BAD"))

    at_home(data, main, database=database)
