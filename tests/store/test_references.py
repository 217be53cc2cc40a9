"""How often a message is named: own references, and those of copies, which go first."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from postroom.store import references
from postroom.store.store import Store
from tests.access.shop import put, shop
from tests.conftest import Opener
from tests.store.letters import query

LETTER = b"A: b\r\n\r\nbody"
OWN = "SELECT refs FROM message ORDER BY id"
COPIES = "SELECT c.refs FROM message_copies c ORDER BY c.message_id"


async def ids_of(store: Store) -> list[int]:
    return [row[0] for row in await store.read(query, "SELECT id FROM message ORDER BY id")]


def named(*idents: int) -> str:
    """A query of these ids, which may be there several times."""
    return " UNION ALL ".join(f"SELECT {ident} AS message_id" for ident in idents)


def test_copies_are_counted_apart_and_taken_first(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            one, two = await ids_of(store)
            await store.write(references.add, 1, named(one, one, two))
            assert await store.read(query, OWN) == [(1,), (1,)]
            assert await store.read(query, COPIES) == [(2,), (1,)]
            await store.write(references.add, 1, named(one))
            assert await store.read(query, COPIES) == [(3,), (1,)]
            await store.write(references.drop, 1, named(one, two, two))
            assert await store.read(query, OWN) == [(1,), (0,)]
            assert await store.read(query, COPIES) == [(2,)]
            await store.write(references.drop, 2, named(one))  # of somebody else
            assert await store.read(query, COPIES) == [(2,)]
            await store.write(references.drop, 1, named(one, one, one))
            assert await store.read(query, OWN) == [(0,), (0,)]
            assert await store.read(query, COPIES) == []

    asyncio.run(run())


def test_a_reset_leaves_own_references_only(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, LETTER, LETTER)
            one, two = await ids_of(store)
            await store.write(references.add, 1, named(one, two))
            await store.write(references.reset, 1, one, 5)
            assert await store.read(query, OWN) == [(5,), (1,)]
            assert await store.read(query, COPIES) == [(1,)]

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(3))
def test_a_message_is_spent_when_nobody_names_it(database: Opener, data: Path, seed: int) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await put(store, *[LETTER] * 4)
            ids = await ids_of(store)
            wanted = Counter(ids)
            draw = random.Random(seed)
            for _ in range(40):
                some = Counter(draw.choice(ids) for _ in range(draw.randrange(1, 5)))
                if draw.random() < 0.5:
                    known = Counter({one: n for one, n in some.items() if wanted[one]})
                    wanted += known
                    fn = references.add
                else:
                    known = some & wanted
                    wanted -= known
                    fn = references.drop
                if known:
                    await store.write(fn, 1, named(*known.elements()))
                rows = await store.read(
                    query,
                    "SELECT m.id, m.refs, coalesce(c.refs, 0) FROM message m"
                    " LEFT JOIN message_copies c ON c.message_id = m.id",
                )
                assert {row[0]: row[1] + row[2] for row in rows if row[1]} == dict(wanted)
                assert all(row[1] or not row[2] for row in rows)

    asyncio.run(run())
