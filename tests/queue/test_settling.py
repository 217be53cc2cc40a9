"""What came of attempts; and a model of the whole queue, driven at random."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest

from postroom.blobs.store import BlobStore
from postroom.db.database import Database, Tx
from postroom.db.ids import Ids
from postroom.queue import changes, claims, rows, settling
from postroom.queue.claimed import Recipient
from postroom.queue.settling import MAX_REPLY, Outcome, Settled
from tests.conftest import Opener
from tests.fakes import START, Clock
from tests.queue.letters import add, blobs, counted, letter, statuses


def test_done_leaves_nothing_and_frees_the_blob(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            store = BlobStore(data, db.engine, Ids(Clock()))
            some = [letter(7, "a@x.test", "b@x.test"), letter(8, "c@x.test")]
            await db.write(lambda tx: blobs(tx, some))
            await db.write(lambda tx: add(tx, some))
            await db.write(lambda tx: claims.claim(tx, [101], START, 9))
            first = [
                Settled(7, (Outcome(0, 101, "x.test", "done"),)),
                Settled(8, (Outcome(0, 101, "x.test", "done"),)),
            ]
            assert await db.write(lambda tx: settling.settle(tx, store, first, START + 1)) == [
                {0},
                {0},
            ]
            await db.read(counted)
            assert await db.read(statuses) == [(7, 1, 1)]
            freed = await db.read(
                lambda tx: tx.all("SELECT id, refs, freed_at FROM blob ORDER BY 1")
            )
            assert freed == [(7, 1, None), (8, 0, START + 1)]
            rest = [
                Settled(7, (Outcome(1, 101, "x.test", "done"), Outcome(0, 101, "x.test", "done")))
            ]
            assert await db.write(lambda tx: settling.settle(tx, store, rest, START + 2)) == [{1}]
            assert await db.read(statuses) == []
            await db.read(counted)
            assert await db.read(lambda tx: tx.all("SELECT refs FROM blob")) == [(0,), (0,)]

    asyncio.run(run())


def test_later_waits_with_the_words_of_the_other_server(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            store = BlobStore(data, db.engine, Ids(Clock()))
            await db.write(lambda tx: add(tx, [letter(7, "a@x.test", "b@x.test", "c@x.test")]))
            await db.write(lambda tx: claims.claim(tx, [101], START, 9))
            at = START + 60_000
            item = Settled(
                7,
                (
                    Outcome(0, 101, "x.test", "later", at, "451 " + "x" * 900, warned=True),
                    Outcome(1, 101, "x.test", "later", START, tried=False),
                    Outcome(2, 999, "x.test", "later", START + 1, "wrong lease"),
                ),
            )
            assert await db.write(lambda tx: settling.settle(tx, store, [item], START)) == [set()]
            found = await db.read(
                lambda tx: tx.all(
                    "SELECT number, status, attempts, next_attempt, last_reply, warned, lease"
                    " FROM delivery ORDER BY number"
                )
            )
            assert found == [
                (0, 0, 1, at, ("451 " + "x" * 900)[:MAX_REPLY], 1, None),
                (1, 0, 0, START, None, 0, None),
                (2, 1, 0, START, None, 0, 101),
            ]
            await db.read(counted)

    asyncio.run(run())


def test_nothing_to_settle(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with database() as db:
            store = BlobStore(data, db.engine, Ids(Clock()))
            assert await db.write(lambda tx: settling.settle(tx, store, [], START)) == []
            item = [Settled(404, (Outcome(0, 1, "x.test", "done"),))]
            assert await db.write(lambda tx: settling.settle(tx, store, item, START)) == [set()]

    asyncio.run(run())


class Model:
    """What the queue must hold: recipients and whether somebody has them."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.now = START
        self.ids = iter(range(1_000, 10**9))
        self.leases: dict[int, list[Recipient]] = {}
        self.there: Counter[tuple[int, int]] = Counter()
        self.delivered: Counter[tuple[int, int]] = Counter()
        self.removed: set[int] = set()

    def recipients(self) -> list[str]:
        places = [
            f"r{n}@d{self.chance.randrange(4)}.test" for n in range(self.chance.randint(1, 4))
        ]
        return list(dict.fromkeys(places))

    async def step(self, db: Database, store: BlobStore) -> None:
        action = self.chance.choice([self.add, self.claim, self.settle, self.settle, self.end,
                                     self.crash, self.hold, self.release, self.remove])  # fmt: skip
        await db.write(lambda tx: action(tx, store))
        await db.read(lambda tx: counted(tx, self.now))
        self.now += self.chance.randrange(3) * 1_000
        await db.read(self.agrees)

    def agrees(self, tx: Tx) -> None:
        assert {(a, b) for a, b, _ in statuses(tx)} == set(self.there)

    def add(self, tx: Tx, _store: BlobStore) -> None:
        some = letter(next(self.ids), *self.recipients(), accepted=self.now)
        blobs(tx, [some])
        add(tx, [some])
        self.there.update((one.queued_id, one.number) for one in some[1])

    def claim(self, tx: Tx, _store: BlobStore) -> None:
        fresh = [next(self.ids) for _ in range(self.chance.randint(1, 3))]
        for batch in claims.claim(tx, fresh, self.now, self.chance.randint(1, 5)):
            mine = [one for work in batch.letters for one in work.recipients]
            for others in self.leases.values():  # nobody has what another has
                assert not {(r.queued_id, r.number) for r in others} & {
                    (r.queued_id, r.number) for r in mine
                }
            self.leases[batch.lease] = mine

    def settle(self, tx: Tx, store: BlobStore) -> None:
        if not self.leases:
            return
        lease = self.chance.choice(list(self.leases))
        some = self.leases[lease][: self.chance.randint(0, 3)]
        del self.leases[lease][: len(some)]
        items = []
        for one in some:
            kind = self.chance.choice(["done", "done", "later"])
            outcome = Outcome(
                one.number, lease, one.destination,
                "done" if kind == "done" else "later", self.now + 1_000, "450 no",
            )  # fmt: skip
            items.append(Settled(one.queued_id, (outcome,)))
        gone = settling.settle(tx, store, items, self.now)
        for item, numbers in zip(items, gone, strict=True):
            for number in numbers:
                key = (item.queued_id, number)
                self.delivered[key] += 1
                assert self.delivered[key] == 1
                del self.there[key]

    def end(self, tx: Tx, _store: BlobStore) -> None:
        if self.leases:
            lease = self.chance.choice(list(self.leases))
            del self.leases[lease]
            claims.end(tx, lease, "", None, self.now)

    def crash(self, tx: Tx, _store: BlobStore) -> None:
        self.leases.clear()
        claims.recover(tx, self.now, [])

    def some(self) -> list[int]:
        letters = sorted({ident for ident, _ in self.there})
        return self.chance.sample(letters, min(2, len(letters)))

    def hold(self, tx: Tx, _store: BlobStore) -> None:
        changes.hold(tx, self.some())

    def release(self, tx: Tx, _store: BlobStore) -> None:
        changes.release(tx, self.some())
        changes.retry(tx, self.some(), self.now)

    def remove(self, tx: Tx, store: BlobStore) -> None:
        gone = self.some()[:1]
        changes.remove(tx, store, gone, self.now)
        self.there = Counter({key: 1 for key in self.there if key[0] not in gone})


@pytest.mark.parametrize("seed", range(6))
def test_a_queue_that_is_driven_at_random_loses_and_doubles_nothing(
    database: Opener, data: Path, seed: int
) -> None:
    async def run() -> None:
        async with database() as db:
            model = Model(seed)
            store = BlobStore(data, db.engine, Ids(Clock()))
            for _ in range(120):
                await model.step(db, store)
            await db.write(lambda tx: model.crash(tx, store))
            for ident in sorted({ident for ident, _ in model.there}):
                await db.write(lambda tx, ident=ident: changes.release(tx, [ident]))  # type: ignore[misc]
            model.now += 10_000_000
            for _ in range(400):
                if not model.there:
                    break
                await db.write(lambda tx: model.claim(tx, store))
                await db.write(lambda tx: model.settle(tx, store))
                await db.write(lambda tx: model.end(tx, store))
                model.now += 10_000
            assert not model.there
            assert await db.read(lambda tx: tx.all("SELECT id FROM queued")) == []
            refs = await db.read(lambda tx: tx.all("SELECT DISTINCT refs FROM blob"))
            assert refs in ([], [(0,)])
            await db.read(lambda tx: counted(tx, model.now))
            assert model.now < rows.NEVER

    asyncio.run(run())
