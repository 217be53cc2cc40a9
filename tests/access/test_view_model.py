"""Three sessions on one mailbox against a simple model: each client ends up exact.

A client here does what an IMAP client does: it keeps a list of messages with flags and
changes it only by what the server tells (and by its own silent STOREs). Whenever it has
been told of expunges, the list must be the mailbox.
"""

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from postroom.access.view import Changes, FlagChange, Flagged, View
from postroom.store import flags as flag_words, sweeps
from postroom.store.entries import Action
from postroom.store.flags import DELETED
from postroom.store.store import Store
from tests.access.shop import Person, audit, opened, place_of, put, shop
from tests.conftest import Opener

State = tuple[int, str]
_accounts = itertools.count(1)


class Step(msgspec.Struct, frozen=True):
    """One thing that one session does; ``low`` and ``high`` choose messages."""

    kind: Literal["store", "expunge", "append", "refresh", "peek", "copy", "move", "reopen"]
    who: int
    low: int
    high: int
    action: Action
    bits: int
    keywords: frozenset[str]
    silent: bool


STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(
            ["store", "store", "store", "expunge", "append", "append", "refresh", "refresh",
             "peek", "copy", "move", "reopen"]
        ),
        who=st.integers(0, 2),
        low=st.integers(1, 8),
        high=st.integers(1, 8),
        action=st.sampled_from(["add", "remove", "replace"]),
        bits=st.sampled_from([0, 1, 2, 4, 8, 9, 31]),
        keywords=st.sampled_from([frozenset(), frozenset({"a"}), frozenset({"A", "b"})]),
        silent=st.booleans(),
    ),
    min_size=5,
    max_size=30,
)  # fmt: skip


class Client:
    """A session and what its client believes."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.uids: list[int] = []
        self.states: list[State] = []

    async def learn(self, changes: Changes, truth: dict[int, State]) -> None:
        assert changes.vanished == [self.uids[n - 1] for n in reversed(changes.expunged)]
        for sequence in changes.expunged:
            del self.uids[sequence - 1], self.states[sequence - 1]
        if changes.exists is not None:
            assert changes.exists > len(self.uids)
            for sequence in range(len(self.uids) + 1, changes.exists + 1):
                uid = self.view.uid_of(sequence)
                self.uids.append(uid)  # then it fetches the flags
                self.states.append(truth.get(uid, (0, "")))
        self.told(changes.flags)
        assert len(self.uids) == self.view.exists

    def told(self, flags: list[Flagged]) -> None:
        for one in flags:
            assert self.uids[one.sequence - 1] == one.uid
            self.states[one.sequence - 1] = (one.flags, one.keywords)


def applied(state: State, step: Step) -> State:
    flags, keywords = state
    match step.action:
        case "add":
            return flags | step.bits, flag_words.with_keywords(keywords, step.keywords)
        case "remove":
            return flags & ~step.bits, flag_words.without_keywords(keywords, step.keywords)
        case "replace":
            return step.bits, flag_words.join_keywords(step.keywords)


class Scenario:
    """One mailbox of one account, three clients, and the truth."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.person = Person(next(_accounts))
        self.truth: dict[int, State] = {}
        self.uidnext = 1
        self.clients: list[Client] = []

    async def append(self, count: int) -> None:
        await put(self.store, *[b"A: b\r\n\r\nx"] * count, account_id=self.person.account_id)
        self._came([(0, "")] * count)

    def _came(self, states: list[State]) -> None:
        for state in states:
            self.truth[self.uidnext] = state
            self.uidnext += 1

    async def opened(self) -> Client:
        client = Client(await opened(self.store, account_id=self.person.account_id))
        client.uids = list(self.truth)
        client.states = list(self.truth.values())
        assert client.view.exists == len(self.truth)
        unseen = [at for at, state in enumerate(client.states, 1) if not state[0] & 1]
        assert client.view.first_unseen == (unseen[0] if unseen else None)
        return client

    async def run(self, steps: list[Step]) -> None:
        await self.append(3)
        self.clients = [await self.opened() for _ in range(3)]
        for step in steps:
            await self.step(step, self.clients[step.who])
        for client in self.clients:
            await self.refreshed(client)
        for uid in range(1, self.uidnext):
            assert sum(client.view.is_recent(uid) for client in self.clients) <= 1

    async def refreshed(self, client: Client) -> None:
        await client.learn(await client.view.refresh(expunges=True), self.truth)
        assert client.uids == list(self.truth)
        assert client.states == list(self.truth.values())
        again = await client.view.refresh(expunges=True)
        assert (again.expunged, again.exists, again.flags) == ([], None, [])
        assert client.view.uidnext == self.uidnext

    async def step(self, step: Step, client: Client) -> None:
        match step.kind:
            case "store":
                await self.stored(step, client)
            case "expunge":
                await client.view.expunge(None)
                known = set(client.uids)
                for uid in [u for u, s in self.truth.items() if s[0] & DELETED and u in known]:
                    del self.truth[uid]
            case "append":
                await self.append(step.low % 3 + 1)
            case "refresh":
                await self.refreshed(client)
            case "peek":
                await client.learn(await client.view.refresh(expunges=False), self.truth)
                assert set(client.uids) >= set(self.truth)
                for uid, state in zip(client.uids, client.states, strict=True):
                    assert state == self.truth.get(uid, state)
            case "copy" | "move":
                await self.transferred(step, client)
            case "reopen":
                self.clients[step.who] = await self.opened()

    def chosen(self, step: Step, client: Client) -> list[int]:
        count = len(client.uids)
        return client.uids[min(step.low, count) - 1 : step.high] if count else []

    async def stored(self, step: Step, client: Client) -> None:
        uids = self.chosen(step, client)
        change = FlagChange(step.action, step.bits, step.keywords)
        done = await client.view.store([(uid, uid) for uid in uids], change, silent=step.silent)
        told = done.flagged
        for uid in uids:
            at = client.uids.index(uid)
            client.states[at] = applied(client.states[at], step)
            if uid in self.truth:
                self.truth[uid] = applied(self.truth[uid], step)
        if not step.silent:
            assert [one.uid for one in told] == [uid for uid in uids if uid in self.truth]
        client.told(told)

    async def transferred(self, step: Step, client: Client) -> None:
        uids = self.chosen(step, client)
        ranges = [(uids[0], uids[-1])] if uids else []
        there = [uid for uid in uids if uid in self.truth]
        act = client.view.copy if step.kind == "copy" else client.view.move
        done = await act(
            ranges, await place_of(self.store, "INBOX", account_id=self.person.account_id)
        )
        assert done.source_uids == there
        assert done.target_uids == list(range(self.uidnext, self.uidnext + len(there)))
        self._came([self.truth[uid] for uid in there])
        if step.kind == "move":
            for uid in there:
                del self.truth[uid]


def test_every_client_ends_up_exact(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "FEWEST", 1)
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        store = runner.run(stack.enter_async_context(shop(database, data)))

        @settings(max_examples=60 if store.db.engine == "sqlite" else 25)
        @given(STEPS)
        def check(steps: list[Step]) -> None:
            runner.run(Scenario(store).run(steps))

        try:
            check()
            runner.run(audit(store))
        finally:
            runner.run(stack.aclose())


def test_sessions_at_the_same_time(database: Opener, data: Path) -> None:
    """Truly side by side: nobody waits for ever, all agree afterwards, counters are right."""

    async def session(store: Store, number: int) -> View:
        view = await opened(store)
        for turn in range(6):
            low = (number * 7 + turn * 5) % 40 + 1
            ranges = [(low, low + 10)]
            match (number + turn) % 6:
                case 0:
                    await view.store(ranges, FlagChange("add", DELETED), silent=True)
                case 1:
                    await view.copy(ranges, await place_of(store, "Archive"))
                case 2:
                    await view.move(ranges, await place_of(store, "Trash"))
                case 3:
                    await view.expunge(None)
                case 4:
                    await put(store, *[b"A: b\r\n\r\nx"] * 3)
                case _:
                    await view.store(ranges, FlagChange("replace", number, frozenset({"k"})))
            await view.refresh(expunges=turn % 2 == 0)
        return view

    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            await put(store, *[b"A: b\r\n\r\nx"] * 40)
            views = await asyncio.wait_for(
                asyncio.gather(*(session(store, number) for number in range(6))), 60
            )
            fresh = await opened(store, read_only=True)
            there = [fresh.uid_of(number) for number in range(1, fresh.exists + 1)]
            for view in views:
                await view.refresh(expunges=True)
                assert [view.uid_of(number) for number in range(1, view.exists + 1)] == there
            await audit(store)

    asyncio.run(run())
