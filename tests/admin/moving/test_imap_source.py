"""Imports from IMAP servers: folders, flags, dates, resuming, lies."""

from collections.abc import Callable
from typing import Any

import pytest

from postroom.admin import accounts, domains
from postroom.admin.moving import imap_source, importing, reading
from postroom.admin.moving.imap_source import ImapSource
from postroom.admin.moving.importing import Imported, Order
from postroom.admin.moving.remote import Remote, open_imap
from postroom.admin.office import Office
from postroom.errors import Refused
from postroom.net.channel import RemoteFailed
from tests.access.shop import audit
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.net.imap_server import DROP, Box, ImapServer, Message
from tests.net.street import HOST
from tests.store.letters import query

Tell = Callable[[Story], None]

ALICE = "alice@demo.test"
CONTENT = (
    "SELECT b.name, e.flags, e.keywords, e.received, e.size FROM entry e"
    " JOIN mailbox b ON b.id = e.mailbox_id ORDER BY b.name, e.uid"
)


def letter(number: int, size: int = 0) -> bytes:
    return b"Subject: %d\r\n\r\n" % number + b"x" * size + b"\r\n"


async def bring(
    office: Office, server: ImapServer, order: Order | None = None, **more: Any
) -> Imported:
    there = Remote("imap", HOST, server.port, "none", "alice", server.password)

    async def sleep(_seconds: float) -> None:
        pass

    source = await ImapSource.open(
        lambda: open_imap(office.config, there), "alice at mail.test", sleep=sleep, **more
    )
    try:
        return await importing.run(office, ALICE, source, order or Order())
    finally:
        await source.close()


def told(tell: Tell, server: ImapServer, story: Callable[[Office], Any]) -> None:
    async def inside(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, ALICE, password=None)
        async with server.running():
            await story(office)
        await audit(office.store)

    tell(inside)


def test_folders_flags_and_dates_come(tell: Tell) -> None:
    server = ImapServer(
        {
            b"INBOX": Box([Message(3, letter(1), b"\\Seen \\Flagged $Forwarded \\Recent")]),
            b"Sent Items": Box([Message(1, letter(2))], b"\\Sent"),
            b"Work.Plans": Box([Message(1, letter(3), date=b"nonsense")]),
            b"Work": Box(attributes=b"\\NoSelect"),
            b"Everything": Box([Message(1, letter(1))], b"\\All"),
        }
    )

    async def story(office: Office) -> None:
        done = await bring(office, server)
        assert (done.filed, done.folders, done.is_whole) == (3, 3, True)
        rows = await office.store.read(query, CONTENT)
        assert [row[:4] for row in rows] == [
            ("INBOX", 5, "$Forwarded", 1_721_209_465_000),
            ("Sent", 0, "", 1_721_209_465_000),
            ("Work/Plans", 0, "", 0),
        ]

    told(tell, server, story)


def test_what_came_is_not_fetched_again(tell: Tell) -> None:
    box = Box([Message(uid, letter(uid)) for uid in range(1, 6)])
    server = ImapServer({b"INBOX": box})

    async def story(office: Office) -> None:
        assert (await bring(office, server)).filed == 5
        box.messages.append(Message(9, letter(9)))
        server.lines.clear()
        done = await bring(office, server)
        assert (done.filed, done.known) == (1, 5)
        assert [line for line in server.lines if b"BODY" in line] == [
            b"UID FETCH 9 (UID BODY.PEEK[]<0.262145>)"
        ]
        box.uidvalidity = 8
        assert (await bring(office, server)).filed == 6
        assert (await bring(office, server, Order(again=True))).filed == 6

    told(tell, server, story)


def test_gmail_shows_a_message_in_many_folders(tell: Tell) -> None:
    one, two = letter(1), letter(2)
    server = ImapServer(
        {
            b"INBOX": Box([Message(1, one, gmail=11)]),
            b"[Gmail].All Mail": Box(
                [Message(5, one, gmail=11), Message(6, two, gmail=12)], b"\\All"
            ),
            b"[Gmail].Starred": Box([Message(1, one, gmail=11)], b"\\Flagged"),
            b"Work": Box([Message(1, one, gmail=11)]),
        },
        capabilities=b"AUTH=PLAIN X-GM-EXT-1",
    )

    async def story(office: Office) -> None:
        done = await bring(office, server)
        assert done.filed == 2
        rows = await office.store.read(query, CONTENT)
        assert [row[0] for row in rows] == ["Archive", "INBOX"]
        assert (await bring(office, server)).filed == 0

    told(tell, server, story)


def test_large_messages_come_in_pieces(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_source, "PIECE", 1000)
    monkeypatch.setattr(imap_source, "SMALL", 1500)
    sizes = [10, 1480, 1490, 2500, 984 * 2]
    server = ImapServer(
        {b"INBOX": Box([Message(uid, letter(0, size)) for uid, size in enumerate(sizes, 1)])}
    )

    async def story(office: Office) -> None:
        assert (await bring(office, server)).filed == 5
        rows = await office.store.read(query, CONTENT)
        assert [row[4] for row in rows] == [len(letter(0, size)) for size in sizes]

    told(tell, server, story)


def test_a_message_that_has_not_come_whole_is_left_out(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_source, "PIECE", 1000)
    monkeypatch.setattr(imap_source, "SMALL", 1500)
    for module in (imap_source, reading):
        monkeypatch.setattr(module, "MAX_MESSAGE", 3000)
    server = ImapServer({b"INBOX": Box([Message(1, letter(1, 2500)), Message(2, letter(2, 5000))])})
    server.trick = lambda line: (
        b"TAG OK gone\r\n" if b"UID FETCH 1 " in line and b"<1000" in line else None
    )

    async def story(office: Office) -> None:
        done = await bring(office, server)
        assert done.filed == 0
        assert [one.reason for one in done.left_out] == [
            "it was deleted there while it was read",
            "it is larger than 1 GB, or was compressed to have no end",
        ]

    told(tell, server, story)


def test_a_size_that_is_a_lie_loses_nothing(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap_source, "SMALL", 1000)
    server = ImapServer({b"INBOX": Box([Message(1, letter(1, 5000))])})
    server.trick = lambda line: (
        b'* 1 FETCH (UID 1 FLAGS () INTERNALDATE "17-Jul-2024 02:44:25 -0700" RFC822.SIZE 7)\r\n'
        b"TAG OK\r\n"
        if line.startswith(b"FETCH")
        else None
    )

    async def story(office: Office) -> None:
        assert (await bring(office, server)).filed == 1
        rows = await office.store.read(query, CONTENT)
        assert rows[0][4] == len(letter(1, 5000))

    told(tell, server, story)


def test_a_connection_that_breaks_is_opened_again(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap_source, "WINDOW", 2)
    server = ImapServer({b"INBOX": Box([Message(uid, letter(uid)) for uid in range(1, 8)])})
    drops = [b"UID FETCH 3", b"FETCH 5:6", b"EXAMINE"]

    def trick(line: bytes) -> bytes | None:
        if drops and line.startswith(drops[0]):
            del drops[0]
            return DROP
        return None

    server.trick = trick

    async def story(office: Office) -> None:
        done = await bring(office, server)
        assert (done.filed, done.known, done.is_whole) == (7, 0, True)
        assert not drops
        server.trick = lambda line: DROP if line.startswith(b"EXAMINE") else None
        with pytest.raises(RemoteFailed, match="closed the connection"):
            await bring(office, server)

    told(tell, server, story)


def test_messages_and_folders_that_can_not_be_read_are_named(tell: Tell) -> None:
    server = ImapServer(
        {
            b"INBOX": Box([Message(1, letter(1)), Message(2, letter(2)), Message(3, b"")]),
            b"Locked": Box([Message(1, letter(3))]),
        }
    )

    def trick(line: bytes) -> bytes | None:
        if line.startswith(b'EXAMINE "Locked"'):
            return b"TAG NO it is locked\r\n"
        if line.startswith(b"UID FETCH") and b"2" in line.split()[2].split(b","):
            return b"TAG NO can't read it\r\n"
        return None

    server.trick = trick

    async def story(office: Office) -> None:
        done = await bring(office, server)
        assert done.filed == 1
        assert [(one.origin, one.reason.partition("said ")[2]) for one in done.left_out] == [
            ("INBOX, UID 2", "NO to UID: can't read it"),
            ("INBOX, UID 3", ""),
            ("Locked", "NO to EXAMINE: it is locked"),
        ]

    told(tell, server, story)


def test_some_folders_only(tell: Tell) -> None:
    server = ImapServer(
        {b"INBOX": Box([Message(1, letter(1))]), b"A": Box([Message(1, letter(2))])}
    )

    async def story(office: Office) -> None:
        assert (await bring(office, server, only=["A"])).filed == 1
        with pytest.raises(Refused, match="there is no such folder"):
            await bring(office, server, only=["B"])
        server.password = "other"
        await bring(office, server)

    told(tell, server, story)


def test_folders_below_the_inbox_come_up(tell: Tell) -> None:
    server = ImapServer(
        {b"INBOX": Box(), b"INBOX.Sent": Box([Message(1, letter(1))]), b"INBOX.a.b": Box()}
    )

    async def story(office: Office) -> None:
        await bring(office, server)
        rows = await office.store.read(query, CONTENT)
        assert [row[0] for row in rows] == ["Sent"]

    told(tell, server, story)
