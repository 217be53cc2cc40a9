"""Special uses: each of one mailbox."""

import asyncio
from pathlib import Path

import pytest

from postroom.errors import NotFound
from postroom.store import annotations, mailboxes, uses
from postroom.store.mailboxes import Mailbox
from postroom.store.store import Store
from postroom.store.uses import BadUse
from tests.access.shop import shop
from tests.conftest import Opener


async def mailbox(store: Store, name: str) -> Mailbox:
    return await store.read(mailboxes.get, 1, name)


def test_they_move(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            sent, trash = await mailbox(store, "Sent"), await mailbox(store, "Trash")
            modseq, losers = await store.write(
                uses.give, 1, sent, ["\\Sent", "\\Trash", "\\Sent", "\\Drafts"], 0
            )
            assert [one.name for one in losers] == ["Drafts", "Trash"]
            sent = await mailbox(store, "Sent")
            assert (sent.special_use, sent.highestmodseq) == ("\\Sent \\Trash \\Drafts", modseq)
            assert (await mailbox(store, "Trash")).special_use is None
            for use in ("\\Trash", "\\Drafts", "\\Sent"):
                found = await store.read(mailboxes.by_use, 1, use)
                assert found is not None
                assert found.id == sent.id
            assert await store.read(mailboxes.by_use, 1, "\\All") is None
            changed = await store.read(
                annotations.changed, trash.id, 1, trash.highestmodseq, modseq
            )
            assert [name for name, _ in changed] == [uses.ENTRY]
            _, losers = await store.write(uses.give, 1, sent, [], 0)
            assert losers == []
            assert (await mailbox(store, "Sent")).special_use is None

    asyncio.run(run())


def test_what_can_not_be_given_is_left(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with shop(database, data) as store:
            await store.furnish(1)
            sent = await mailbox(store, "Sent")
            with pytest.raises(BadUse):
                await store.write(uses.give, 1, sent, ["\\Trash", "\\All"], 0)
            with pytest.raises(BadUse):
                await store.write(uses.give, 1, await mailbox(store, "INBOX"), ["\\Junk"], 0)
            await store.delete_mailbox(1, "Sent")
            with pytest.raises(NotFound):
                await store.write(uses.give, 1, sent, ["\\Trash"], 0)
            assert (await mailbox(store, "Trash")).special_use == "\\Trash"
            assert (await mailbox(store, "Junk")).special_use == "\\Junk"

    asyncio.run(run())
