"""Random use of mailboxes against a simple model: nothing is lost, every count is right.

Two accounts, three mailboxes each. A letter is known by its size; the model knows where each
one is, and which copies can be had back.
"""

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from hypothesis import given, settings, strategies as st

from postroom.store import copying, expunged, mailboxes
from postroom.store.copying import Transfer
from postroom.store.expunged import Chosen
from postroom.store.flags import DELETED, SEEN
from postroom.store.mailboxes import Mailbox
from postroom.store.restoring import Restoration
from postroom.store.spans import span_of
from postroom.store.store import Store
from tests.access.shop import audit, put, shop
from tests.conftest import Opener

NAMES = ("INBOX", "One", "Two/Three")
_accounts = itertools.count(1)
_sizes = itertools.count(1)

T = TypeVar("T")
Kind = Literal["append", "copy", "move", "expunge", "delete", "restore", "purge"]


class Step(msgspec.Struct, frozen=True):
    """What is done. ``first`` and ``count`` choose messages or copies, ``there`` a target."""

    kind: Kind
    who: int
    box: int
    there: int
    across: bool
    first: int
    count: int

    def chosen(self, items: Sequence[T]) -> list[T]:
        """Some of these, where there are any."""
        first = self.first % (len(items) or 1)
        return list(items[first : first + self.count])


class Item(msgspec.Struct, frozen=True):
    """A letter in a mailbox, or a copy that was in it."""

    size: int
    flags: int
    name: str


STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(
            ["append", "append", "copy", "copy", "move", "expunge", "expunge", "expunge",
             "delete", "restore", "restore", "purge"]
        ),
        who=st.integers(0, 1),
        box=st.integers(0, 2),
        there=st.integers(0, 2),
        across=st.booleans(),
        first=st.integers(0, 5),
        count=st.integers(1, 4),
    ),
    min_size=10,
    max_size=40,
)  # fmt: skip


class Town:
    """Two accounts and what they must hold."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.people = (next(_accounts), next(_accounts))
        self.boxes: dict[tuple[int, str], dict[int, Item]] = {}
        self.copies: dict[int, list[Item]] = {person: [] for person in self.people}

    async def box(self, person: int, name: str) -> Mailbox:
        """The mailbox, made where it is missing."""
        store = self.store
        found = await store.read(mailboxes.find, person, name)
        if found is None:
            if name == "INBOX":
                await store.write(mailboxes.make_inbox, person, store.clock())
            else:
                ids = [store.ids.next() for _ in name]
                await store.write(mailboxes.create, person, name, None, ids, store.clock())
            found = await store.read(mailboxes.get, person, name)
        self.boxes.setdefault((person, name), {})
        return found

    async def step(self, step: Step) -> None:
        person, name = self.people[step.who], NAMES[step.box]
        mailbox = await self.box(person, name)
        items = self.boxes[person, name]
        chosen = step.chosen(sorted(items))
        match step.kind:
            case "append":
                await self.append(person, mailbox, step.count * DELETED // 2 + step.there)
            case "copy" | "move":
                await self.transfer(step, person, mailbox, chosen)
            case "expunge":
                if chosen:
                    self.copies[person] += [items.pop(uid) for uid in chosen]
                    await self.store.expunge(person, mailbox.id, span_of(chosen), flagged=False)
            case "delete":
                if name != "INBOX":
                    self.copies[person] += [items[uid] for uid in sorted(items)]
                    del self.boxes[person, name]
                    await self.store.delete_mailbox(person, name)
            case "restore" | "purge":
                await self.end(step, person)

    async def append(self, person: int, mailbox: Mailbox, flags: int) -> None:
        letter = b"A: b\r\n\r\n" + b"x" * next(_sizes)
        (filed,) = await put(self.store, letter, account_id=person, mailbox=mailbox.id, flags=flags)
        items = self.boxes[person, mailbox.name]
        items[filed.uid] = Item(len(letter), flags, mailbox.name)

    async def transfer(self, step: Step, person: int, mailbox: Mailbox, chosen: list[int]) -> None:
        if not chosen:
            return
        other = self.people[1 - step.who] if step.across else person
        target = await self.box(other, NAMES[step.there])
        items = self.boxes[person, mailbox.name]
        order = Transfer(
            person, mailbox.id, target, (span_of(chosen),), is_move=step.kind == "move"
        )
        store = self.store
        done = await store.write(copying.transfer, store.blobs, order, store.clock())
        assert done.sources == chosen
        moved = [items[uid] for uid in chosen]
        if step.kind == "move":
            for uid in chosen:
                del items[uid]
        for number, item in enumerate(moved):
            there = self.boxes[other, target.name]
            there[done.first + number] = msgspec.structs.replace(item, name=target.name)

    async def end(self, step: Step, person: int) -> None:
        """Restore or purge some copies, perhaps with one of somebody else."""
        store = self.store
        found = await store.read(expunged.oldest, person, Chosen(), limit=999)
        chosen = step.chosen(found)
        theirs = await store.read(expunged.newest, self.people[1 - step.who], Chosen(), limit=1)
        ids = [one.id for one in [*chosen, *theirs]]
        if not chosen or not ids:
            return
        copies = self.copies[person]
        ended = [copies[place] for place in step.chosen(range(len(copies)))]
        for place in reversed(step.chosen(range(len(copies)))):
            del copies[place]
        if step.kind == "purge":
            assert (await store.purge(person, ids)).messages == len(chosen)
            return
        target = NAMES[step.there] if step.across else ""
        done = await store.restore(person, Restoration(ids, target))
        assert done.messages == len(chosen)
        for name in {target or item.name for item in ended}:
            mailbox = await self.box(person, name)
            uid = mailbox.uidnext
            for item in reversed([item for item in ended if (target or item.name) == name]):
                uid -= 1
                flags = item.flags & ~DELETED
                self.boxes[person, name][uid] = Item(item.size, flags, name)

    async def check(self) -> None:
        await audit(self.store)
        for (person, name), items in self.boxes.items():
            mailbox = await self.store.read(mailboxes.get, person, name)
            sql = f"SELECT uid, size, flags FROM entry WHERE mailbox_id = {mailbox.id} ORDER BY uid"
            rows = await self.store.db.read(lambda tx, sql=sql: tx.all(sql))  # type: ignore[misc]
            assert rows == [(uid, items[uid].size, items[uid].flags) for uid in sorted(items)]
        for person, copies in self.copies.items():
            found = await self.store.read(expunged.oldest, person, Chosen(), limit=999)
            assert [Item(one.size, one.flags, one.mailbox) for one in found] == copies


def test_nothing_is_lost_and_every_count_is_right(database: Opener, data: Path) -> None:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        store = runner.run(stack.enter_async_context(shop(database, data, keeps_expunged=True)))

        async def live(steps: list[Step]) -> None:
            town = Town(store)
            for person, name in itertools.product(town.people, NAMES):
                mailbox = await town.box(person, name)
                for flags in (0, SEEN, SEEN | DELETED):
                    await town.append(person, mailbox, flags)
            for step in steps:
                await town.step(step)
            await town.check()

        @settings(max_examples=60 if store.db.engine == "sqlite" else 25)
        @given(STEPS)
        def check(steps: list[Step]) -> None:
            runner.run(live(steps))

        try:
            check()
        finally:
            runner.run(stack.aclose())
