"""States against a model: whoever follows /changes knows what one knows who gets everything anew."""

import asyncio
import itertools
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from postroom.access.places import Places
from postroom.access.view import FlagChange, View
from postroom.store import mailboxes, vanished
from postroom.store.store import Store
from postroom.web.jmap import changes, states
from postroom.web.jmap.account import Account
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.outline import outline_of
from tests.access.shop import Person, put, shop
from tests.conftest import Opener
from tests.web.jmap.followers import (
    Follower,
    account_of,
    emails_of,
    followers,
    shared_with,
    threads_of,
)

BOXES = ("INBOX", "Archive", "Trash")
_accounts = itertools.count(100)


class Step(msgspec.Struct, frozen=True):
    """One thing that a mail program does, or a client that looks at what has happened."""

    kind: Literal["file", "flag", "copy", "move", "expunge", "delete", "follow", "rename", "sweep"]
    box: str
    other: str
    low: int
    high: int
    bits: int
    is_added: bool
    most: int


STEPS = st.lists(
    st.builds(
        Step,
        kind=st.sampled_from(
            ["file", "file", "flag", "flag", "copy", "move", "expunge", "delete", "follow",
             "follow", "rename", "sweep"]
        ),
        box=st.sampled_from(BOXES),
        other=st.sampled_from(BOXES),
        low=st.integers(1, 6),
        high=st.integers(1, 6),
        bits=st.sampled_from([1, 2, 4, 8, 8, 9]),
        is_added=st.booleans(),
        most=st.sampled_from([1, 2, 3, 100]),
    ),
    min_size=4,
    max_size=25,
)  # fmt: skip


def letter(number: int, root: int) -> bytes:
    """A letter in one of a few threads."""
    return (
        f"Message-ID: <{number}@x.test>\r\nReferences: <root{root}@x.test>\r\n"
        f"Subject: {number}\r\n\r\nHello\r\n"
    ).encode()


async def act(store: Store, account_id: int, step: Step, member: int | None = None) -> None:
    """Do it as an IMAP session would."""
    if step.kind == "file":
        await put(
            store, letter(store.ids.next(), step.low), account_id=account_id,
            mailbox=account_id if step.box == "INBOX" else step.box, flags=step.bits & 7,
            thread_id=None,
        )  # fmt: skip
        return
    if step.kind == "rename":
        name = next((one for one in (step.box, f"{step.box} 2") if one != "INBOX"), "")
        with_other = f"{name} 2" if not name.endswith("2") else name[:-2]
        if await store.read(mailboxes.find, account_id, name):
            await store.write(mailboxes.rename, account_id, name, with_other, store.clock())
            await store.write(mailboxes.rename, account_id, with_other, name, store.clock())
        return
    places = Places(Person(account_id), store)
    place = await places.get(step.box)
    if member is not None:
        place = msgspec.structs.replace(place, member=member)
    view = await View.open(place, store, read_only=False)
    uids = list(view.numbering.uids)[step.low - 1 : step.high]
    if step.kind == "sweep":
        uids = list(view.numbering.uids)
    if not uids:
        return
    ranges = [(uid, uid) for uid in uids]
    if step.kind in {"flag", "sweep"}:
        action: Literal["add", "remove"] = "add" if step.is_added else "remove"
        await view.store(ranges, FlagChange(action, step.bits))
    elif step.kind in {"copy", "move"} and step.other != step.box:
        target = await places.get(step.other)
        await (view.copy if step.kind == "copy" else view.move)(ranges, target)
    elif step.kind in {"expunge", "delete"}:
        if step.kind == "delete":
            await view.store(ranges, FlagChange("add", 8))
        await view.expunge(None)


async def end_equal(follower: Follower, account: Account) -> None:
    await follower.catch_up(account)
    outline = await outline_of(account)
    now = emails_of(outline) if follower.kind == "emails" else threads_of(outline)
    assert follower.known == now
    assert follower.state == states.pack_emails(states.of_outline(outline))


@pytest.mark.parametrize("keeps_expunged", [False, True])
def test_followers_end_equal(database: Opener, data: Path, keeps_expunged: bool) -> None:
    async def run(store: Store, steps: list[Step]) -> None:
        number, member = next(_accounts), next(_accounts)
        own, shared = account_of(store, number), shared_with(store, member, number)
        await own.places.furnish()
        every = [(one, account) for account in (own, shared) for one in followers()]
        for follower, account in every:
            await follower.begin(account)
        for at, step in enumerate(steps):
            if step.kind == "follow":
                follower, account = every[step.low % len(every)]
                await follower.step(account, step.most)
            else:
                await act(store, number, step, member if at % 3 == 2 else None)
        for follower, account in every:
            await end_equal(follower, account)
            assert not follower.resets

    async def main() -> None:
        async with shop(database, data, keeps_expunged=keeps_expunged) as store:
            loop = asyncio.get_running_loop()

            @settings(max_examples=30 if store.db.engine == "sqlite" else 10)
            @given(STEPS)
            def story(steps: list[Step]) -> None:
                asyncio.run_coroutine_threadsafe(run(store, steps), loop).result()

            await asyncio.to_thread(story)

    asyncio.run(main())


def failing(database: Opener, data: Path, change: str) -> None:
    """After this nothing can be worked out, and the client that asks anew is right again."""

    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await account.places.furnish()
            await put(store, letter(1, 1), letter(2, 2), mailbox="Archive", thread_id=None)
            follower, empty = followers()[0], followers()[0]
            await follower.begin(account)
            if change == "a mailbox that was empty is deleted":
                await store.delete_mailbox(1, "Junk")
            elif change == "a mailbox is deleted":
                await store.delete_mailbox(1, "Archive")
            else:
                await act(store, 1, Step("delete", "Archive", "", 1, 1, 0, True, 1))
                box = await store.read(mailboxes.get, 1, "Archive")
                await store.write(vanished.forget, box.id, box.highestmodseq)
            await follower.catch_up(account)
            assert follower.resets == (change != "a mailbox that was empty is deleted")
            await empty.begin(account)
            assert follower.known == empty.known

    asyncio.run(run())


@pytest.mark.parametrize(
    "change",
    [
        "a mailbox that was empty is deleted",
        "a mailbox is deleted",
        "what was expunged is forgotten",
    ],
)
def test_what_is_not_known_any_more(database: Opener, data: Path, change: str) -> None:
    failing(database, data, change)


def test_expunges_from_before_their_messages_were_noted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await account.places.furnish()
            await put(store, letter(1, 1), thread_id=None)
            follower = followers()[1]
            await follower.begin(account)
            await act(store, 1, Step("delete", "INBOX", "", 1, 1, 0, True, 1))
            await store.db.write(lambda tx: tx.execute("UPDATE vanished SET thread_id = 0"))
            with pytest.raises(MethodError, match="not known any more"):
                await changes.told(account, follower.state, 9, "threads")
            assert (await changes.told(account, follower.state, 9, "emails")).destroyed
            await store.db.write(lambda tx: tx.execute("UPDATE vanished SET message_id = 0"))
            with pytest.raises(MethodError, match="not known any more"):
                await changes.told(account, follower.state, 9, "emails")

    asyncio.run(run())


def test_what_came_between_two_pieces_and_went_again_is_told_as_gone(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await account.places.furnish()
            follower = followers()[0]
            await follower.begin(account)
            await put(store, letter(1, 1), letter(2, 2), thread_id=None)
            assert await follower.step(account, 1)
            await put(store, letter(3, 3), thread_id=None)
            assert await follower.step(account, 1)
            assert await follower.step(account, 1)
            assert len(follower.known) == 3
            view = await View.open(await account.places.get("INBOX"), store, read_only=False)
            await view.store([(1, 1 << 31)], FlagChange("add", 8))
            await view.expunge(None)
            await end_equal(follower, account)
            assert (follower.known, follower.resets) == ({}, 0)

    asyncio.run(run())


def test_too_many_marked_for_deletion(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "MOST_HIDDEN", 1)

    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await account.places.furnish()
            await put(store, *[letter(n, n) for n in range(4)], thread_id=None)
            await act(store, 1, Step("flag", "INBOX", "", 1, 3, 8, True, 1))
            follower = followers()[0]
            await follower.begin(account)
            assert len(follower.known) == 1
            follower.is_strict = False
            await act(store, 1, Step("expunge", "INBOX", "", 1, 1, 0, True, 1))
            await follower.catch_up(account)
            assert not follower.resets  # told as gone, which was not there
            await act(store, 1, Step("flag", "INBOX", "", 1, 1, 8, True, 1))
            await put(store, *[letter(n, n) for n in range(2)], thread_id=None, flags=8)
            await follower.catch_up(account)
            await act(store, 1, Step("flag", "INBOX", "", 1, 1, 8, False, 1))
            await follower.catch_up(account)
            assert (follower.resets, len(follower.known)) == (1, 1)

    asyncio.run(run())


def test_far_too_many_expunges(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "MOST_GONE", 2)

    async def run() -> None:
        async with shop(database, data) as store:
            account = account_of(store)
            await account.places.furnish()
            await put(store, *[letter(n, n) for n in range(4)], thread_id=None)
            follower = followers()[0]
            await follower.begin(account)
            await act(store, 1, Step("delete", "INBOX", "", 1, 4, 0, True, 1))
            await follower.catch_up(account)
            assert (follower.resets, follower.known) == (1, {})

    asyncio.run(run())
