"""Deleted messages: listed, restored, purged by a postmaster."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from postroom.access.indexer import Indexer
from postroom.admin import accounts, domains
from postroom.admin.mailboxes import undelete
from postroom.admin.mailboxes.undelete import Filter
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound, Refused
from postroom.store import mailboxes
from postroom.store.expunged import Weight
from postroom.store.flags import DELETED
from postroom.store.spans import Span
from tests.access.shop import audit, put
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.letters import query

Tell = Callable[[Story], None]

ALICE, BOB = "alice@demo.test", "bob@demo.test"


def letter(subject: str, sender: str = "Carol <carol@x.test>") -> bytes:
    return f"From: {sender}\r\nSubject: {subject}\r\n\r\nhello\r\n".encode()


async def town(office: Office) -> tuple[int, int]:
    """The ids of Alice and Bob."""
    await domains.add(office, "demo.test", generate=quick)
    for address in (ALICE, BOB):
        await accounts.add(office, address, password=None)
    alice, bob = await office.store.read(
        query, "SELECT id FROM account WHERE kind = 'person' ORDER BY id"
    )
    return alice[0], bob[0]


async def delete(office: Office, account_id: int, *letters: bytes) -> None:
    filed = await put(office.store, *letters, account_id=account_id, flags=DELETED)
    await office.store.expunge(
        account_id, account_id, Span(filed[0].uid, filed[-1].uid), flagged=True
    )


async def listed(office: Office, address: str, *, limit: int | None = None, **options) -> list[str]:  # type: ignore[no-untyped-def]
    found = undelete.every(office, address, Filter(**options), limit=limit)
    return [one.subject async for one in found]


def test_deleted_messages_are_listed_the_latest_first(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        alice, bob = await town(office)
        await delete(office, alice, letter("one"), letter("=?utf-8?q?zw=C3=B6lf?=", "d@x.test"))
        await delete(office, bob, letter("of Bob"))
        clock.advance(days=1)
        await delete(office, alice, letter("three\x07"))
        (last, *_) = [one async for one in undelete.every(office, ALICE)]
        assert last.mailbox == "INBOX"
        assert last.sender == "Carol <carol@x.test>"
        assert last.expunged == datetime(2026, 9, 22, 14, 13, 20, tzinfo=UTC)
        assert (last.until - last.expunged).days == 14
        assert last.size == len(letter("three\x07"))
        assert await listed(office, ALICE) == ["three\N{REPLACEMENT CHARACTER}", "zwölf", "one"]
        assert await listed(office, ALICE, subject="ZWÖL") == ["zwölf"]
        assert await listed(office, ALICE, sender="carol", limit=1) == [
            "three\N{REPLACEMENT CHARACTER}"
        ]
        assert await listed(office, ALICE, since=last.expunged, mailbox="Inbox") == [
            "three\N{REPLACEMENT CHARACTER}"
        ]
        assert await listed(office, ALICE, mailbox="Sent") == []
        assert await listed(office, BOB) == ["of Bob"]
        weight = await undelete.weight(office, ALICE, Filter(subject="on"))
        assert weight == Weight(1, len(letter("one")))
        assert (await undelete.weight(office, ALICE)).messages == 3
        await audit(office.store)

    tell(story)


def test_lists_longer_than_a_page(tell: Tell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undelete, "PAGE", 3)

    async def story(office: Office, clock: Clock) -> None:
        alice, _ = await town(office)
        await delete(office, alice, *(letter(f"number {n}") for n in range(8)))
        assert await listed(office, ALICE) == [f"number {n}" for n in range(7, -1, -1)]
        assert await listed(office, ALICE, limit=5) == [f"number {n}" for n in range(7, 2, -1)]
        assert await listed(office, ALICE, subject="r 1", limit=1) == ["number 1"]
        done = await undelete.restore(office, ALICE, Filter(subject="number"))
        assert done.mailboxes == {"INBOX": 8}
        await audit(office.store)

    tell(story)


def test_chosen_messages_come_back(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        alice, _ = await town(office)
        await delete(office, alice, letter("one"), letter("two"), letter("three"))
        ids = [one.id async for one in undelete.every(office, ALICE)]
        done = await undelete.restore(office, ALICE, [ids[2], ids[2].upper()])
        assert (done.messages, done.octets) == (1, len(letter("one")))
        done = await undelete.restore(office, ALICE, Filter(subject="TWO"), to="inbox/Found")
        assert done.mailboxes == {"INBOX/Found": 1}
        assert await listed(office, ALICE) == ["three"]
        assert (await undelete.restore(office, ALICE, Filter(mailbox="Sent"))).messages == 0
        flags = "SELECT flags FROM entry ORDER BY mailbox_id"
        assert await office.store.read(query, flags) == [(0,), (0,)]
        await audit(office.store)

    tell(story)


def test_what_can_not_be_done_changes_nothing(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        alice, bob = await town(office)
        await delete(office, alice, letter("one"))
        await delete(office, bob, letter("of Bob"))
        (mine,) = [one.id async for one in undelete.every(office, ALICE)]
        (theirs,) = [one.id async for one in undelete.every(office, BOB)]
        for action in (undelete.restore, undelete.purge):
            with pytest.raises(NotFound, match=f"no deleted message {theirs}; nothing was"):
                await action(office, ALICE, [mine, theirs])
            with pytest.raises(Invalid, match="seven is no id"):
                await action(office, ALICE, ["seven"])
            with pytest.raises(NotFound, match="postroom account"):
                await action(office, "nobody@demo.test", [mine])
        with pytest.raises(Invalid, match="mailbox name"):
            await undelete.restore(office, ALICE, [mine], to="a//b")
        assert (await undelete.weight(office, ALICE)).messages == 1
        assert (await undelete.weight(office, BOB)).messages == 1
        await audit(office.store)

    tell(story)


def test_the_quota_is_respected_unless_told(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        alice, _ = await town(office)
        await delete(office, alice, *[letter("one")] * 3)
        size = len(letter("one"))
        await accounts.change(office, ALICE, quota=3 * size - 1)
        with pytest.raises(Refused) as refused:
            await undelete.restore(office, ALICE, undelete.EVERYTHING)
        assert str(refused.value) == (
            f"alice@demo.test has no room for 3 messages of {3 * size} octets: 0 of"
            f" {3 * size - 1} are used; give it more (postroom account quota alice@demo.test"
            " SIZE), or restore them with --over-quota"
        )
        with pytest.raises(Refused):
            await undelete.restore(office, ALICE, Filter(subject="one"))
        assert (await undelete.weight(office, ALICE)).messages == 3
        await accounts.change(office, ALICE, quota=0, message_quota=2)
        with pytest.raises(Refused) as refused:
            await undelete.restore(office, ALICE, undelete.EVERYTHING)
        assert str(refused.value) == (
            "alice@demo.test has no room for 3 messages: it has 0 and may have 2; let it have more"
            " (postroom account quota alice@demo.test --messages N), or restore them with"
            " --over-quota"
        )
        ids = [one.id async for one in undelete.every(office, ALICE)]
        assert (await undelete.restore(office, ALICE, ids[:2])).messages == 2
        done = await undelete.restore(office, ALICE, ids[2:], over_quota=True)
        assert done.messages == 1
        assert (await accounts.show(office, ALICE)).used == 3 * size
        await audit(office.store)

    tell(story)


def test_what_is_purged_is_gone_with_its_octets(tell: Tell) -> None:
    """At once, but for what somebody else has."""

    async def story(office: Office, clock: Clock) -> None:
        alice, _ = await town(office)
        await delete(office, alice, *[letter("one")] * 2, letter("two"))
        done = await undelete.purge(office, ALICE, Filter(subject="one"))
        assert done.messages == 2
        assert await listed(office, ALICE) == ["two"]
        assert await office.store.read(query, "SELECT count(*) FROM blob") == [(1,)]
        await office.db.write(lambda tx: tx.execute("UPDATE blob SET refs = refs + 1"))
        assert (await undelete.purge(office, ALICE, undelete.EVERYTHING)).messages == 1
        assert await office.store.read(query, "SELECT refs FROM blob") == [(1,)]
        await office.db.write(lambda tx: tx.execute("DELETE FROM blob"))
        await audit(office.store)

    tell(story)


def test_what_is_purged_leaves_the_search_index(tell: Tell) -> None:
    """What is only deleted stays in it, so that it is found when it comes back."""

    async def story(office: Office, clock: Clock) -> None:
        alice, _ = await town(office)
        sums = "SELECT coalesce(sum(letters), 0) FROM search_page"
        await put(office.store, letter("one"), letter("two"), account_id=alice)
        await Indexer(office.store, 1 << 20).everything(alice)
        await office.store.expunge(alice, alice, Span(1, 2), flagged=False)
        await Indexer(office.store, 1 << 20).everything(alice)
        assert await office.store.read(query, sums) == [(2,)]
        await undelete.purge(office, ALICE, Filter(subject="one"))
        assert await office.store.read(query, sums) == [(1,)]
        assert await office.store.read(query, "SELECT count(*) FROM search_late") == [(0,)]
        await undelete.restore(office, ALICE, undelete.EVERYTHING)
        assert await office.store.read(query, sums) == [(1,)]
        await audit(office.store)

    tell(story)


def test_a_mailbox_that_is_gone_is_made_anew(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        alice, _ = await town(office)
        store = office.store
        ids = [store.ids.next(), store.ids.next()]
        made = await store.write(mailboxes.create, alice, "Work/Old", None, ids, store.clock())
        await put(store, letter("one"), account_id=alice, mailbox=made.id)
        await store.delete_mailbox(alice, "Work/Old")
        await store.delete_mailbox(alice, "Work")
        done = await undelete.restore(office, ALICE, undelete.EVERYTHING)
        assert done.mailboxes == {"Work/Old": 1}
        assert (await store.read(mailboxes.get, alice, "Work/Old")).uidvalidity != (
            made.uidvalidity
        )
        await audit(office.store)

    tell(story)
