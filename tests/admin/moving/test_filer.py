"""Messages from elsewhere are filed once, whatever breaks off."""

import asyncio
import io
import random
from collections.abc import Callable, Mapping
from shutil import disk_usage

import pytest

from postroom.admin import accounts, domains
from postroom.admin.moving.filer import Chunked, Filer
from postroom.admin.moving.reading import SMALL, read_chunk
from postroom.admin.moving.source import Folder, Found
from postroom.admin.office import Office
from postroom.blobs.disk import Disk
from postroom.db.database import Row, Tx
from postroom.errors import Refused
from postroom.quota import Quota
from postroom.store import imported, mailboxes
from postroom.store.imported import Known
from tests.access.shop import audit
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.letters import query

Tell = Callable[[Story], None]

ALICE = "alice@demo.test"
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * 20_000


NOISE = b"Subject: noise\r\n\r\n" + random.Random(1).randbytes(100_000).hex().encode()


async def alice(office: Office) -> int:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ALICE, password=None)
    rows = await office.store.read(query, "SELECT id FROM account WHERE kind = 'person'")
    ident: int = rows[0][0]
    await office.store.furnish(ident)
    return ident


async def bring(filer: Filer, *letters: bytes, folder: Folder | None = None) -> Chunked:
    mailbox = await filer.mailbox(folder or Folder("INBOX", ""))
    items = iter([Found("x", lambda one=one: io.BytesIO(one), len(one), 5000) for one in letters])  # type: ignore[misc]
    total = Chunked()
    while (chunk := read_chunk(items)).messages:
        done = await filer.file(mailbox, chunk.messages)
        chunk.close()
        total.filed += done.filed
        total.known += done.known
        total.left_out += done.left_out
    return total


def test_another_run_files_only_what_is_new(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        account = await alice(office)
        same = b"A: same\n\n"
        first = await bring(Filer(office, account), same, b"B: 1\n\n", same, LARGE)
        assert (first.filed, first.known) == (4, 0)
        second = await bring(Filer(office, account), same, b"C: 1\n\n", same, same, LARGE, LARGE)
        assert (second.filed, second.known) == (3, 3)
        third = await bring(Filer(office, account, again=True), same, LARGE)
        assert third.filed == 2
        rows = await office.store.read(query, "SELECT uid, size, received FROM entry ORDER BY uid")
        assert [row[0] for row in rows] == list(range(1, 10))
        assert {row[2] for row in rows} == {5000}
        await audit(office.store)

    tell(story)


def test_octets_are_kept_and_line_ends_made_right(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        account = await alice(office)
        large = b"Subject: x\n\n" + b"y\n" * SMALL + b"\0"
        await bring(Filer(office, account), b"A: 1\n\nbare\rcr", large)
        ids = await office.store.read(query, "SELECT blob_id FROM message ORDER BY id")
        found = await office.db.read(lambda tx: office.blobs.wholes(tx, [row[0] for row in ids]))
        small, big = (b"".join(found[row[0]]) for row in ids)
        assert small == b"A: 1\r\n\r\nbare\r\ncr"
        assert big == large.replace(b"\n", b"\r\n").replace(b"\0", b"?")
        noted = await office.store.read(
            query, "SELECT detail FROM ledger_event WHERE kind = 'noted'"
        )
        assert [row[0] for row in noted] == ["NUL octets were replaced by ?; x"]
        assert await office.store.read(query, "SELECT door FROM ledger") == [("import",)]
        await audit(office.store)

    tell(story)


def test_a_full_account_gets_whole_chunks_or_nothing(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        account = await alice(office)
        with pytest.raises(Refused, match="no room for more"):
            await bring(Filer(office, account, quota=Quota(octets=100)), b"A: 1\n\n", LARGE)
        assert await office.store.read(query, "SELECT count(*) FROM message") == [(0,)]
        assert await office.store.read(query, "SELECT count(*) FROM blob") == [(0,)]
        assert (await bring(Filer(office, account), b"A: 1\n\n", LARGE)).filed == 2
        await audit(office.store)

    tell(story)


def test_the_reserve_of_the_disk_stays_free(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        account = await alice(office)
        free = disk_usage(office.config.folder).free
        office.blobs.disk = Disk(office.config.folder, 2 * free, clock)
        with pytest.raises(Refused, match="disk of the server has no room .* run this again"):
            await bring(Filer(office, account), b"A: 1\n\n")
        assert await office.store.read(query, "SELECT count(*) FROM message") == [(0,)]
        office.blobs.disk = Disk(office.config.folder, 0, clock)
        assert (await bring(Filer(office, account), b"A: 1\n\n")).filed == 1

    tell(story)


def test_two_imports_at_once_do_not_file_twice(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        account = await alice(office)
        one, two = Filer(office, account), Filer(office, account)
        mailbox = await one.mailbox(Folder("INBOX", ""))
        chunk = read_chunk(iter([Found("x", lambda: io.BytesIO(b"A: 1\n\n"), 1, 0)]))
        known = two._known

        async def overtaken(identities: list[bytes]) -> object:
            found = await known(identities)
            await one.file(mailbox, chunk.messages)
            return found

        two._known = overtaken  # type: ignore[method-assign, assignment]
        with pytest.raises(Refused, match="another import"):
            await two.file(mailbox, chunk.messages)
        assert await office.store.read(query, "SELECT count(*) FROM message") == [(1,)]
        await audit(office.store)

    tell(story)


def test_a_server_that_ends_while_a_chunk_is_written_leaves_a_whole_message(
    tell: Tell, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        account = await alice(office)
        loop, note = asyncio.get_running_loop(), imported.note

        def ends(tx: Tx, ident: int, met: Mapping[bytes, Known]) -> None:
            loop.call_soon_threadsafe(bringing.cancel)
            note(tx, ident, met)

        monkeypatch.setattr(imported, "note", ends)
        bringing = asyncio.ensure_future(bring(Filer(office, account), NOISE))
        await asyncio.wait([bringing])
        assert bringing.cancelled()
        rows: list[Row] = []
        async with asyncio.timeout(60):
            while not rows:  # what the database had begun is written all the same
                rows = await office.store.read(query, "SELECT blob_id FROM message")
        await office.blobs.verify(office.db, rows[0][0])

    tell(story)


def test_folders_become_mailboxes(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        account = await alice(office)
        filer = Filer(office, account)
        sent = await filer.mailbox(Folder("Gesendet", "", "\\Sent"))
        assert sent.name == "Sent"
        deep = await filer.mailbox(Folder("a/b/c", ""))
        await filer.mailbox(Folder("quiet", "", subscribed=False))
        assert (await filer.mailbox(Folder("a/b/c", ""))).id == deep.id
        names = await office.store.read(mailboxes.subscriptions, account)
        assert "a/b/c" in names
        assert "quiet" not in names

    tell(story)


def test_a_mailbox_that_was_deleted_meanwhile_is_named(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        account = await alice(office)
        filer = Filer(office, account)
        mailbox = await filer.mailbox(Folder("a", ""))
        await office.store.delete_mailbox(account, "a")
        chunk = read_chunk(iter([Found("x", lambda: io.BytesIO(b"A: 1\n\n"), 1, 0)]))
        with pytest.raises(Refused, match="the mailbox a was deleted"):
            await filer.file(mailbox, chunk.messages)

    tell(story)
