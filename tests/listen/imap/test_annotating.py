"""METADATA through the door: what transcripts can't write down."""

from pathlib import Path

import pytest

from postroom.access import watching
from postroom.store import annotations
from tests.conftest import Opener
from tests.listen.imap.house import House, at_home


def test_values_of_any_octets(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        value = b"\0\xff\r\n) x\r\n"
        await client.ok(
            b"SETMETADATA INBOX (/private/a ~{%d+}\r\n%s /shared/b {2+}\r\n\r\n)"
            % (len(value), value)
        )
        await client.say(b"g GETMETADATA INBOX (/private/a /shared/b)\r\n")
        told = b'* METADATA "INBOX" (/private/a ~{%d}\r\n%s /shared/b {2}\r\n\r\n)\r\n' % (
            len(value),
            value,
        )
        assert await client.reader.readexactly(len(told)) == told
        assert (await client.line()).startswith(b"g OK")

    at_home(data, main, database=database)


def test_limits_are_told(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotations, "MAX_ENTRIES", 2)
    monkeypatch.setattr(annotations, "MAX_ROOM", 1000)

    async def main(home: House) -> None:
        client = await home.alice()

        async def refused(value: bytes) -> bytes:
            return (await client.command(b"SETMETADATA INBOX (%s)" % value))[-1]

        long = b"/private/a {65537+}\r\n" + b"x" * 65537
        assert (await refused(long)).startswith(b"NO [METADATA MAXSIZE 65536]")
        many = b'/private/a "" /private/b "" /private/c ""'
        assert (await refused(many)).startswith(b"NO [METADATA TOOMANY]")
        large = b"/private/a {1000+}\r\n" + b"x" * 1000
        assert (await refused(large)).startswith(b"NO [OVERQUOTA]")
        assert await client.ok(b"GETMETADATA (DEPTH 1) INBOX /private") == []

    at_home(data, main)


def test_administrators_write_for_all(database: Opener, data: Path) -> None:
    async def main(home: House) -> None:
        alice, carol = await home.alice(), await home.person("carol")
        await alice.ok(b"NOTIFY SET (personal (ServerMetadataChange))")
        await carol.ok(b'SETMETADATA "" (/shared/comment "closed on Monday")')
        home.store.notify.publish([0])  # as the office does
        assert await alice.line() == b'* METADATA "" /shared/comment\r\n'
        assert await alice.ok(b'GETMETADATA "" /shared/comment') == [
            b'* METADATA "" (/shared/comment "closed on Monday")\r\n'
        ]

    at_home(data, main, database=database)


def test_nobody_is_watched_after_unauthenticate(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        assert await client.ok(b"ENABLE METADATA CONDSTORE") == [
            b"* ENABLED METADATA CONDSTORE\r\n"
        ]
        assert await client.ok(b"ENABLE METADATA") == [b"* ENABLED\r\n"]
        assert home.store.notify.watched()
        await client.ok(b"UNAUTHENTICATE")
        assert not home.store.notify.watched()

    at_home(data, main)


def test_too_many_mailboxes_are_not_watched(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        monkeypatch.setattr(watching, "MAX_WATCHED", 5)
        assert await client.ok(b"ENABLE METADATA") == [b"* ENABLED\r\n"]
        assert not home.store.notify.watched()
        monkeypatch.setattr(watching, "MAX_WATCHED", 6)
        assert await client.ok(b"ENABLE METADATA") == [b"* ENABLED METADATA\r\n"]
        other = await home.alice()
        await other.ok(b"CREATE One")
        await client.ok(b"NOOP")
        assert await client.ok(b"NOOP") == []

    at_home(data, main)


def test_a_long_list_with_annotations(data: Path) -> None:
    async def main(home: House) -> None:
        client = await home.alice()
        for number in range(600):
            await client.say(b"c%d CREATE Box%04d\r\n" % (number, number))
        for number in range(600):
            assert (await client.line()).startswith(b"c%d OK" % number)
        lines = await client.ok(b'LIST "" Box* RETURN (METADATA /private/comment)')
        assert len(lines) == 1200
        assert lines[-1] == b'* METADATA "Box0599" (/private/comment NIL)\r\n'

    at_home(data, main)
