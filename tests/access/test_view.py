"""The view of a selected mailbox."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from postroom.access import view as views
from postroom.access.view import STAR, FlagChange, Flagged
from postroom.errors import Invalid, MailboxFull, NotFound, Refused
from postroom.store import mailboxes
from postroom.store.flags import DELETED, FLAGGED, SEEN
from postroom.store.spans import Span
from tests.access.shop import opened, place_of, put, shop
from tests.conftest import Opener

LETTER = b"Subject: x\r\n\r\nbody\r\n"


def test_what_select_tells(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            with pytest.raises(NotFound):
                await opened(store, "Nowhere")
            assert (await opened(store)).exists == 0  # made on first use
            await put(store, LETTER, flags=SEEN, keywords="b")
            await put(store, LETTER, LETTER, keywords="a b")
            looker = await opened(store, "inbox", read_only=True)
            assert (looker.exists, looker.recent, looker.first_unseen) == (3, 3, 2)
            view = await opened(store)
            assert (view.exists, view.recent, view.uidnext) == (3, 3, 4)
            assert sorted(view.keywords) == ["a", "b"]
            assert view.name == "INBOX"
            other = await opened(store)
            assert (other.recent, view.is_recent(3), other.is_recent(3)) == (0, True, False)
            for some in (view, other):
                uids = [1, 2, 3, 5, 9]
                assert some.are_recent(uids) == [some.is_recent(uid) for uid in uids]
            await put(store, LETTER)
            changes = await other.refresh(expunges=True)
            assert (changes.exists, changes.recent) == (4, 1)
            changes = await view.refresh(expunges=True)
            assert (changes.exists, changes.recent) == (4, 3)

    asyncio.run(run())


def test_sets_become_ranges_of_uids(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 10)
            await store.expunge(1, 1, Span(2, 9, (2, 3, 7)), flagged=False)
            view = await opened(store)  # 1 4 5 6 8 9 10
            ranges = view.uid_ranges
            assert ranges([(2, 4)], by_uid=False) == [(4, 6)]
            assert ranges([(5, STAR), (1, 1)], by_uid=False) == [(1, 1), (8, 10)]
            assert ranges([(1, 2), (3, 4)], by_uid=False) == [(1, 6)]
            assert ranges([(STAR, STAR)], by_uid=False) == [(10, 10)]
            assert ranges([(1, 0xFFFFFFFF)], by_uid=True) == [(1, 10)]
            assert ranges([(559, STAR)], by_uid=True) == [(10, 10)]
            assert ranges([(20, 30)], by_uid=True) == []
            for bad in ([(1, 8)], [(8, 8)], [(8, STAR)]):
                with pytest.raises(Invalid):
                    ranges(bad, by_uid=False)
            assert (view.uid_of(2), view.sequence_of(4), view.sequence_of(7)) == (4, 2, None)
            with pytest.raises(Invalid):
                view.uid_of(8)
            await store.expunge(1, 1, Span(1, 10), flagged=False)
            empty = await opened(store)
            assert empty.exists == 0
            assert empty.uid_ranges([(1, STAR)], by_uid=False) == []
            assert empty.uid_ranges([(1, STAR)], by_uid=True) == []
            with pytest.raises(Invalid):
                empty.uid_ranges([(1, 1)], by_uid=False)

    asyncio.run(run())


def test_spans_hold_every_message_once_and_are_bounded(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 30)
            await store.expunge(1, 1, Span(11, 13), flagged=False)
            view = await opened(store)
            everything = [uid for uid in range(1, 31) if not 11 <= uid <= 13]
            for ranges in ([(1, 30)], [(1, 1), (3, 3), (5, 14), (20, 30)], [(12, 12)], [(10, 14)]):
                wanted = [u for u in everything if any(a <= u <= b for a, b in ranges)]
                for size in (1, 2, 4, 7, 100, None):
                    found: list[int] = []
                    for span in view.spans(ranges, size):
                        inside = [
                            uid
                            for uid in everything
                            if span.first <= uid <= span.last
                            and (span.listed is None or uid in span.listed)
                        ]
                        assert inside
                        assert size is None or len(inside) <= size
                        found += inside
                    assert found == wanted

    asyncio.run(run())


def test_own_stores_are_not_repeated_others_are(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 3)
            one, two = await opened(store), await opened(store)
            done = await one.store([(1, 2)], FlagChange("add", SEEN, frozenset({"$Junk"})))
            assert [(f.sequence, f.uid, f.flags, f.keywords) for f in done.flagged] == [
                (1, 1, SEEN, "$Junk"),
                (2, 2, SEEN, "$Junk"),
            ]
            assert (await one.refresh(expunges=True)).flags == []
            seen = (await two.refresh(expunges=True)).flags
            assert [f.recent for f in done.flagged] == [True, True]
            assert seen == [msgspec.structs.replace(f, recent=False) for f in done.flagged]
            assert list(two.keywords) == ["$Junk"]
            assert (await two.refresh(expunges=True)).flags == []
            # one stores silently over a change of two that it has not seen
            await two.store([(1, 1)], FlagChange("add", FLAGGED), silent=True)
            quiet = await one.store([(1, 3)], FlagChange("remove", SEEN), silent=True)
            assert [(f.uid, f.flags) for f in quiet.flagged] == [(1, FLAGGED)]
            assert (await one.refresh(expunges=True)).flags == []
            # two changes 3 after one did: one must learn of it
            await one.store([(3, 3)], FlagChange("add", SEEN), silent=True)
            await two.store([(3, 3)], FlagChange("add", FLAGGED), silent=True)
            found = (await one.refresh(expunges=True)).flags
            assert [(f.uid, f.flags) for f in found] == [(3, SEEN | FLAGGED)]

    asyncio.run(run())


def test_sequence_numbers_stay_put_until_expunges_may_be_told(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 5)
            one, two = await opened(store), await opened(store)
            await two.store([(2, 2), (4, 4)], FlagChange("add", DELETED), silent=True)
            await two.expunge(None)
            await put(store, LETTER)
            await two.store([(5, 5)], FlagChange("add", SEEN), silent=True)
            changes = await one.refresh(expunges=False)
            assert (changes.expunged, changes.exists) == ([], 6)
            assert [(f.sequence, f.uid) for f in changes.flags] == [(5, 5)]
            assert one.uid_of(4) == 4
            changes = await one.refresh(expunges=True)
            assert (changes.expunged, changes.exists, changes.flags) == ([4, 2], None, [])
            assert one.exists == 4
            assert (await two.refresh(expunges=True)).expunged == [4, 2]
            assert (await one.refresh(expunges=True)).expunged == []

    asyncio.run(run())


def test_uid_expunge_takes_only_what_is_deleted_and_named(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 4)
            view = await opened(store)
            await view.store([(1, 3)], FlagChange("add", DELETED), silent=True)
            await view.expunge(view.uid_ranges([(2, STAR)], by_uid=True))
            assert (await view.refresh(expunges=True)).expunged == [3, 2]
            looker = await opened(store, read_only=True)
            await looker.close(expunge=True)
            assert (await opened(store)).exists == 2
            await view.close(expunge=True)
            assert (await opened(store)).exists == 1

    asyncio.run(run())


def test_a_read_only_view_changes_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            await store.furnish(1)
            view = await opened(store, read_only=True)
            with pytest.raises(Refused):
                await view.store([(1, 1)], FlagChange("add", SEEN))
            with pytest.raises(Refused):
                await view.expunge(None)
            with pytest.raises(Refused):
                await view.move([(1, 1)], await place_of(store, "Archive"))
            assert (await view.copy([(1, 1)], await place_of(store, "Archive"))).source_uids == [1]
            assert (await opened(store)).recent == 1

    asyncio.run(run())


def test_copy_and_move_pair_the_uids(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data, {1: 6 * len(LETTER)}) as store:
            await store.furnish(1)
            await put(store, *[LETTER] * 4)
            view = await opened(store)
            copied = await view.copy([(1, 1), (3, 3)], await place_of(store, "Archive"))
            assert (copied.source_uids, copied.target_uids) == ([1, 3], [1, 2])
            with pytest.raises(NotFound):
                await view.copy([(1, 1)], await place_of(store, "Nowhere"))
            with pytest.raises(MailboxFull):
                await view.copy([(1, 4)], await place_of(store, "Archive"))
            moved = await view.move([(2, 3)], await place_of(store, "Trash"))
            assert (moved.source_uids, moved.target_uids) == ([2, 3], [1, 2])
            trash = await store.read(mailboxes.get, 1, "Trash")
            assert moved.uidvalidity == trash.uidvalidity
            assert (await view.refresh(expunges=True)).expunged == [3, 2]
            assert (await view.copy([(2, 3)], await place_of(store, "Trash"))).source_uids == []

    asyncio.run(run())


def test_a_deleted_mailbox_is_gone_not_emptied(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            box = await store.read(mailboxes.get, 1, "Archive")
            await put(store, *[LETTER] * 3, mailbox=box.id)
            view = await opened(store, "Archive")
            await store.delete_mailbox(1, "Archive")
            for expunges in (False, True):
                changes = await view.refresh(expunges=expunges)
                assert (changes.expunged, changes.is_gone) == ([], True)
            assert view.exists == 3
            with pytest.raises(NotFound):
                await opened(store, "Archive")

    asyncio.run(run())


def test_wake(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            view = await opened(store)
            woken = asyncio.Event()
            stop = view.wake(woken.set)
            await put(store, LETTER)
            await asyncio.wait_for(woken.wait(), 60)
            stop()
            woken.clear()
            await put(store, LETTER)
            await view.refresh(expunges=True)
            assert not woken.is_set()

    asyncio.run(run())


def test_a_large_store_goes_in_chunks_and_is_complete(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MAX_STORED", 1000)

    async def run() -> None:
        async with shop(database, data) as store:
            for _ in range(2):
                await put(store, *[LETTER] * 1000)
            view = await opened(store)
            done = await view.store([(1, 1500)], FlagChange("add", SEEN))
            assert [flagged.sequence for flagged in done.flagged] == list(range(1, 1501))
            assert len({flagged.modseq for flagged in done.flagged}) == 2
            assert isinstance(done.flagged[0], Flagged)
            assert (await view.refresh(expunges=True)).flags == []

    asyncio.run(run())
