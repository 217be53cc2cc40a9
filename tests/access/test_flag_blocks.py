"""Flags by blocks: what was read is kept as long as it is true."""

import asyncio
from array import array
from pathlib import Path

from postroom.access.flag_blocks import MOST_KINDS, Block, find, joined
from postroom.access.kept import Kept
from postroom.access.view import FlagChange, View
from postroom.store.blocks import SIZE
from postroom.store.flags import DELETED, FLAGGED, SEEN
from postroom.store.spans import Span
from tests.access.shop import opened, put, shop
from tests.conftest import Opener

LETTER = b"A: b\r\n\r\nx"


async def look(view: View) -> list[int] | None:
    """The flags of all that the view knows, None when they are not there."""
    span = Span(1, view.last_uid)
    found = await find(view, span, view.numbering.uids)
    if found is None:
        return None
    both = joined(found.blocks.values(), span)
    assert both is not None
    kinds, codes = both
    assert len(codes) == view.exists
    return [kinds[code][0] for code in codes]


def test_blocks_that_have_not_risen_are_not_read_again(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * (2 * SIZE + 5), flags=SEEN)
            view = await opened(store)
            all_seen = [SEEN] * (2 * SIZE + 5)
            assert await look(view) == all_seen
            await store.db.write(lambda tx: tx.execute("UPDATE entry SET flags = 0"))
            assert await look(view) == all_seen  # nothing has risen
            other = await opened(store)
            assert await look(other) == [0] * (2 * SIZE + 5)
            await other.store([(SIZE + 1, SIZE + 1)], FlagChange("add", FLAGGED))
            some = await look(view)
            assert some is not None
            assert some[: SIZE - 1] == [SEEN] * (SIZE - 1)  # block 0 begins with UID 1
            assert some[SIZE - 1 : 2 * SIZE - 1] == [0, FLAGGED, *[0] * (SIZE - 2)]
            assert some[2 * SIZE - 1 :] == [SEEN] * 6

    asyncio.run(run())


def test_changes_of_ones_own_are_known(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * (2 * SIZE), flags=SEEN)
            kept = Kept()
            view, other = [await opened(store, kept=kept) for _ in range(2)]
            assert await look(view) == [SEEN] * 2 * SIZE
            await view.store([(1, 9)], FlagChange("add", FLAGGED), silent=True)
            await view.store([(9, 2 * SIZE)], FlagChange("remove", SEEN), silent=True)
            expected = [SEEN | FLAGGED] * 8 + [FLAGGED] + [0] * (2 * SIZE - 9)
            assert await look(other) == expected
            await store.db.write(lambda tx: tx.execute("UPDATE entry SET flags = 31"))
            assert await look(view) == expected  # nothing was read
            await view.store([(1, 1)], FlagChange("remove", DELETED, unchanged_since=1))
            await view.store([(SIZE, SIZE)], FlagChange("add", 0, frozenset({"a"})))
            assert await look(view) == expected[: SIZE - 1] + [31] * SIZE + [0]

    asyncio.run(run())


def test_what_is_gone_is_noticed(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 9, flags=SEEN)
            view = await opened(store)
            assert await look(view) == [SEEN] * 9
            await store.expunge(1, 1, Span(3, 4), flagged=False)
            assert await look(view) is None
            await view.refresh(expunges=True)
            assert await look(view) == [SEEN] * 7
            assert await look(view) == [SEEN] * 7
            await put(store, LETTER)
            assert await look(view) == [SEEN] * 7  # it lies behind
            await view.refresh(expunges=True)
            assert await look(view) == [*[SEEN] * 7, 0]
            await store.expunge(1, 1, Span(1, 10), flagged=False)
            await view.refresh(expunges=True)
            assert await look(view) == []

    asyncio.run(run())


def test_a_change_of_what_is_gone_is_no_change(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER)
            await put(store, *[LETTER] * (SIZE - 2), flags=SEEN)
            await put(store, *[LETTER] * 9)
            view = await opened(store)
            assert await look(view) == [0, *[SEEN] * (SIZE - 2), *[0] * 9]
            await store.expunge(1, 1, Span(1, 1), flagged=False)  # it alone would change there
            await view.store([(1, 9999)], FlagChange("add", SEEN), silent=True)
            await view.refresh(expunges=True)
            assert await look(view) == [SEEN] * (SIZE + 7)
            await store.db.write(lambda tx: tx.execute("UPDATE entry SET flags = 31"))
            assert await look(view) == [SEEN] * (SIZE + 7)  # it is known again

    asyncio.run(run())


def test_changes_within_a_block() -> None:
    uids = array("I", [1, 4, 6, 9])
    block = Block(5, uids, b"\0\1\0\1", ((SEEN, ""), (SEEN | FLAGGED, "a")))
    flagged = block.after(FlagChange("add", FLAGGED), Span(4, 7))
    assert flagged is not None
    assert flagged.within(Span(4, 7)) == (1, 3)
    assert joined([flagged], Span(1, 9)) == (
        [(SEEN, ""), (SEEN | FLAGGED, "a"), (SEEN | FLAGGED, "")],
        b"\0\1\2\1",
    )
    assert flagged.risen(6).modseq == 6
    assert block.after(FlagChange("remove", FLAGGED), Span(1, 3)) is block
    assert block.after(FlagChange("replace", FLAGGED), Span(10, 20)) is block


def test_an_octet_names_so_many_kinds() -> None:
    words = [f"k{number}" for number in range(MOST_KINDS)]
    full = Block(1, range(1, 257), bytes(range(256)), tuple((0, word) for word in words))
    other = Block(1, range(600, 601), b"\0", ((0, "other"),))
    assert full.after(FlagChange("add", SEEN), Span(1, 1)) is None
    assert joined([full], Span(1, 256)) is not None
    assert joined([full, other], Span(1, 600)) is None


def test_more_kinds_than_that_are_read_otherwise(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * (MOST_KINDS + 1))
            view = await opened(store)
            assert await look(view) == [0] * (MOST_KINDS + 1)
            for uid in range(1, MOST_KINDS + 1):
                await view.store([(uid, uid)], FlagChange("add", 0, frozenset({f"k{uid}"})))
            assert await look(view) is None
            await view.store([(1, 1)], FlagChange("replace", 0))
            assert await look(view) == [0] * (MOST_KINDS + 1)

    asyncio.run(run())
