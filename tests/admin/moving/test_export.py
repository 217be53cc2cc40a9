"""Export, then import, is the identity: octets, flags, dates, names, uses, subscriptions."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from postroom.admin import accounts, domains
from postroom.admin.moving import export, importing
from postroom.admin.moving.export import Format
from postroom.admin.moving.filer import Filer
from postroom.admin.moving.importing import Order
from postroom.admin.moving.source import Folder
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.model import Config
from postroom.errors import Refused
from postroom.store import mailboxes
from tests.access.shop import audit, put
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.letters import query

Tell = Callable[[Story], None]

ALICE, BOB = "alice@demo.test", "bob@demo.test"
CONTENT = (
    "SELECT b.name, b.special_use, e.uid, e.flags, e.keywords, e.received, m.prefix, m.blob_id"
    " FROM mailbox b LEFT JOIN entry e ON e.mailbox_id = b.id LEFT JOIN message m"
    " ON m.account_id = e.account_id AND m.id = e.message_id"
    " WHERE b.account_id = {} ORDER BY b.name, e.uid"
)


async def ids(office: Office) -> tuple[int, int]:
    await domains.add(office, "demo.test", generate=quick)
    for address in (ALICE, BOB):
        await accounts.add(office, address, password=None)
    rows = await office.store.read(
        query, "SELECT id FROM account WHERE kind = 'person' ORDER BY id"
    )
    for row in rows:
        await office.store.furnish(row[0])
    return rows[0][0], rows[1][0]


async def content(office: Office, account: int) -> list[Any]:
    """Everything of an account but UIDs, in order."""
    rows = await office.store.read(query, CONTENT.format(account))
    found = []
    for name, use, _, flags, words, received, prefix, blob in rows:
        octets = b""
        if blob:
            pieces = [one async for one in office.blobs.stream(office.db, blob)]
            octets = prefix + b"".join(pieces)
        found.append((name, use, flags, words, received, octets))
    return [*found, await office.store.read(mailboxes.subscriptions, account)]


LINES = st.lists(
    st.sampled_from(
        [
            b"From me Thu Nov 26 02:36:09 2026",
            b">From x",
            b"Status: R",
            b"",
            b"x",
            b"\xff\xfe",
            b"A: b",
        ]
    ),
    max_size=6,
).map(b"\r\n".join)
LETTERS = st.tuples(
    LINES.filter(bool),
    st.sampled_from([b"", b"\r\n"]),
    st.integers(0, 31),
    st.sampled_from(["", "$Forwarded", "a b", " ".join(f"k{n:02}" for n in range(30))]),
    st.integers(0, 4_000_000_000_000),
)
NAMES = st.sampled_from(["INBOX", "Sent", "Spam", "a.b", "Ünï/x&y", "z" * 250, ".dot", "INBOX/in"])


@pytest.mark.parametrize("form", ["maildir", "mbox"])
@given(st.lists(st.tuples(NAMES, LETTERS), max_size=8))
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_export_then_import_is_the_identity(form: Format, letters: list[Any]) -> None:
    async def run(folder: Path) -> None:
        config = Config(hostname="mx.demo.test", data=str(folder / "data"))
        async with open_office(config) as office:
            alice, bob = await ids(office)
            filer = Filer(office, alice)
            for name, (octets, end, flags, words, received) in letters:
                mailbox = await filer.mailbox(Folder(name, "", subscribed=len(octets) % 2 == 0))
                await put(
                    office.store, octets + end, account_id=alice, mailbox=mailbox.id,
                    flags=flags, keywords=words, received=received,
                )  # fmt: skip
            done = await export.run(office, ALICE, folder / "out", form)
            assert done.messages == len(letters)
            brought = await importing.run(
                office, BOB, importing.files(cast("Any", form), folder / "out"), Order()
            )
            assert brought.is_whole
            assert await content(office, bob) == await content(office, alice)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@pytest.mark.parametrize("form", ["maildir", "mbox"])
def test_large_messages_and_prefixes_come_through(tell: Tell, tmp_path: Path, form: Format) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        alice, bob = await ids(office)
        from postroom.access.incoming import Incoming
        from postroom.post.commit import Post
        from postroom.post.letter import Letter
        from postroom.store.filing import Copy

        incoming = Incoming(office.blobs)
        await incoming.write(b"Subject: x\r\n\r\n" + b"From line\r\n" * 60_000 + b"no end")
        arrived = await incoming.finish()
        prefix = b"Return-Path: <a@x.test>\r\n"
        copy = Copy(
            alice, "INBOX", office.ids.next(), arrived.blob.id, prefix, 7000,
            arrived.size + len(prefix), b"", b"", 1,
        )  # fmt: skip
        post = Post(office.db, office.blobs, office.notify, office.clock)
        await post.commit(Letter(blob=arrived.blob, copies=(copy,)))
        await put(office.store, b"A: small\r\n\r\n", account_id=alice, received=1)
        await export.run(office, ALICE, tmp_path / "out", form)
        await importing.run(office, BOB, importing.files(form, tmp_path / "out"), Order())
        assert await content(office, bob) == await content(office, alice)
        await audit(office.store)

    tell(story)


def test_damaged_messages_are_named_and_the_rest_is_written(tell: Tell, tmp_path: Path) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        alice, _ = await ids(office)
        await put(office.store, b"A: 1\r\n\r\n", b"B: 2\r\n\r\nx\r\n", account_id=alice)
        await office.db.write(
            lambda tx: tx.execute(
                "UPDATE blob SET digest = :zero WHERE id = (SELECT min(id) FROM blob)",
                zero=bytes(32),
            )
        )
        office.blobs._recent.drop(lambda _ident: True)
        done = await export.run(office, ALICE, tmp_path / "out")
        assert (done.messages, [one.origin for one in done.left_out]) == (1, ["INBOX, UID 1"])
        assert len(list((tmp_path / "out" / "cur").iterdir())) == 1

    tell(story)


def test_nothing_is_overwritten(tell: Tell, tmp_path: Path) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await ids(office)
        (tmp_path / "full").mkdir()
        (tmp_path / "full" / "x").touch()
        (tmp_path / "link").symlink_to(tmp_path)
        for name in ("full", "link"):
            with pytest.raises(Refused, match="is there already"):
                await export.run(office, ALICE, tmp_path / name)
        (tmp_path / "new.part").mkdir()
        with pytest.raises(Refused, match="broken off; remove it"):
            await export.run(office, ALICE, tmp_path / "new")
        (tmp_path / "empty").mkdir()
        assert (await export.run(office, ALICE, tmp_path / "empty")).mailboxes == 6

    tell(story)
