"""Refused messages, as a postmaster sees them."""

import asyncio
import dataclasses
from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, domains, paging
from postroom.admin.mailboxes import rejects
from postroom.admin.office import Office
from postroom.directory import accounts as rows
from postroom.errors import Invalid, NotFound, Refused
from postroom.message import journal
from postroom.message.journal import Report
from postroom.notify import Notify
from postroom.policy import lessons
from postroom.store import rejects as kept
from postroom.store.mailboxes import find
from tests.admin.bureau import Story, hinting
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.refused import keep

Tell = Callable[[Story], None]

ANN, BOB = "ann@demo.test", "bob@demo.test"


async def settle(office: Office) -> tuple[int, int]:
    await domains.add(office, "demo.test", generate=quick)
    idents = []
    for name in (ANN, BOB):
        await accounts.add(office, name, password="long enough")
        address = Address.parse(name)
        idents.append(
            await office.directory.look(lambda tx, at=address: rows.require(tx, at).id)  # type: ignore[misc]
        )
    return idents[0], idents[1]


async def ids(office: Office, account: str, limit: int | None = None) -> list[str]:
    return [one.id async for one in rejects.every(office, account, limit=limit)]


def test_what_is_let_in_is_copied_to_the_journal(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ann, _bob = await settle(office)
        await domains.set_journal(office, "demo.test", "archive@vault.test")
        await keep(office.store, ann)
        await office.db.write(lambda tx: tx.execute("UPDATE reject SET recipient = :to", to=ANN))
        clock.advance(days=9)
        (ident,) = await ids(office, ANN)
        await rejects.release(office, ANN, [ident])
        (row,) = await office.db.read(
            lambda tx: tx.all(
                "SELECT q.blob_id, q.accepted, q.sender, d.recipient FROM queued q"
                " JOIN delivery d ON d.queued_id = q.id"
            )
        )
        assert (row[1], bytes(row[2]), bytes(row[3])) == (clock(), b"", b"archive@vault.test")
        octets = b"".join([one async for one in office.blobs.stream(office.db, row[0])])
        assert (
            f"Sender: a@x.test\r\nSubject: Hello\r\nMessage-Id: \r\nRecipient: {ANN}\r\n".encode()
            in octets
        )
        assert b"\r\n\r\nSubject: Hello\r\n\r\nbody\r\n\r\n--" in octets

    tell(story)


def test_a_server_that_runs_is_told_of_the_copy_for_the_journal(tell: Tell) -> None:
    async def story(opened: Office, _clock: Clock) -> None:
        ann, _bob = await settle(opened)
        await domains.set_journal(opened, "demo.test", "archive@vault.test")
        await keep(opened.store, ann)
        await opened.db.write(lambda tx: tx.execute("UPDATE reject SET recipient = :to", to=ANN))
        (ident,) = await ids(opened, ANN)
        async with hinting(opened) as office:
            await rejects.release(office, ANN, [ident])

    tell(story)


def test_a_server_that_runs_learns_at_once_of_what_a_command_lets_in(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        ann, _bob = await settle(office)
        await keep(office.store, ann)
        server, command = Notify(office.config.folder), Notify(office.config.folder)
        woken = asyncio.Event()
        server.listen()
        try:
            server.subscribe(ann, woken.set)  # the INBOX has the id of its account
            typed = dataclasses.replace(office, notify=command)
            await rejects.release(typed, ANN, await ids(office, ANN))
            async with asyncio.timeout(60):
                await woken.wait()
        finally:
            command.close()
            server.close()

    tell(story)


def test_a_journal_copy_that_was_refused_is_not_copied_again(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ann, _bob = await settle(office)
        report = Report(
            speaker="postmaster@demo.test", to=ANN, ident="1", sender="a@x.test", recipients=(ANN,),
            at=clock(), queue_id="", message_id="", subject="", head=b"", is_ascii=True,
        )  # fmt: skip
        await domains.set_journal(office, "demo.test", "archive@vault.test")
        await keep(office.store, ann, head=journal.head(report, office.directory.secrets.srs))
        await office.db.write(lambda tx: tx.execute("UPDATE reject SET sender = ''"))
        (ident,) = await ids(office, ANN)
        await rejects.release(office, ANN, [ident])
        assert await office.db.read(lambda tx: tx.all("SELECT id FROM queued")) == []

    tell(story)


def test_they_are_listed_page_by_page(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "PAGE", 2)

    async def story(office: Office, clock: Clock) -> None:
        ann, bob = await settle(office)
        for _ in range(4):
            await keep(office.store, ann)
        await keep(office.store, bob)
        found = await ids(office, ANN)
        assert found == sorted(found, reverse=True)
        assert len(found) == 4
        assert await ids(office, ANN, 3) == found[:3]
        assert len(await ids(office, BOB)) == 1
        shown = await rejects.show(office, ANN, found[0])
        assert shown.header == "Return-Path: <a@x.test>\r\nSubject: Hello\r\n\r\n"
        assert shown.message.reason == "on the block list"
        assert (shown.message.until - shown.message.at).days == 14
        with pytest.raises(NotFound, match="has no refused message"):
            await rejects.show(office, BOB, found[0])
        with pytest.raises(Invalid, match="is no id"):
            await rejects.show(office, ANN, "?")
        with pytest.raises(NotFound, match="no account"):
            await ids(office, "eve@demo.test")

    tell(story)


def test_a_released_message_is_in_the_inbox(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ann, bob = await settle(office)
        await keep(office.store, ann, bob)
        (ident,) = await ids(office, ANN)
        released = await rejects.release(office, ANN, [ident])
        assert (released.account, released.messages) == (ANN, 1)
        inbox = await office.store.read(find, ann, "INBOX")
        assert inbox is not None
        assert inbox.messages == 1
        row = await office.db.read(
            lambda tx: tx.one("SELECT envelope, size FROM message WHERE account_id = :a", a=ann)
        )
        assert row is not None
        assert b"Hello" in bytes(row[0])
        assert await ids(office, ANN) == []
        assert len(await ids(office, BOB)) == 1
        assert await office.db.read(lambda tx: tx.one("SELECT refs FROM blob")) == (2,)
        with pytest.raises(NotFound):
            await rejects.release(office, ANN, [ident])

    tell(story)


def test_without_room_it_stays_where_it_is(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ann, _ = await settle(office)
        await accounts.change(office, ANN, quota=10)
        for _ in range(2):
            await keep(office.store, ann, size=40)
        first, second = await ids(office, ANN)
        await rejects.release(office, ANN, [second])  # the last one above the quota
        with pytest.raises(Refused, match="has no room"):
            await rejects.release(office, ANN, [first])
        assert await ids(office, ANN) == [first]
        assert await office.db.read(lambda tx: tx.all("SELECT refs FROM blob")) == [(1,), (1,)]

    tell(story)


def test_they_are_removed_for_good(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ann, bob = await settle(office)
        await keep(office.store, ann, bob)
        await keep(office.store, ann)
        first, second = await ids(office, ANN)
        with pytest.raises(NotFound):
            await rejects.remove(office, ANN, [first, (await ids(office, BOB))[0]])
        assert await ids(office, ANN) == [first, second]
        assert (await rejects.remove(office, ANN, [first, second])).messages == 2
        assert await ids(office, ANN) == []
        refs = "SELECT refs FROM blob ORDER BY id"
        assert await office.db.read(lambda tx: tx.all(refs)) == [(1,), (0,)]
        assert await office.store.read(kept.newest, bob, limit=9) != []

    tell(story)


def test_malware_is_released_only_by_who_wants_it_anyway(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ann, _ = await settle(office)
        await keep(office.store, ann)
        await keep(office.store, ann, kind="malware")
        bad, good = await ids(office, ANN)
        with pytest.raises(Refused, match=f"holds malware .*rejects release {ANN} {bad} --anyway"):
            await rejects.release(office, ANN, [good, bad])
        assert len(await ids(office, ANN)) == 2
        assert (await rejects.show(office, ANN, bad)).message.kind == "malware"
        released = await rejects.release(office, ANN, [good, bad], anyway=True)
        assert released.messages == 2

    tell(story)


def test_the_filter_learns_that_what_was_spam_is_none(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        ann, _ = await settle(office)
        for kind in ("", "malware", "spam"):
            await keep(office.store, ann, kind=kind)
        spam, *others = await ids(office, ANN)
        await rejects.release(office, ANN, others, anyway=True)
        assert await office.db.read(lessons.count) == 0
        await rejects.release(office, ANN, [spam])
        (waits,) = await office.db.read(lessons.waiting)
        assert (waits.account_id, waits.is_spam) == (ann, False)

    tell(story)
