"""How SQLite looks for messages: by their key, and those with a flag by the index of that flag."""

import asyncio

from postroom.db.database import Tx
from postroom.store import entries, mailboxes, references, removal
from postroom.store.filing import already_filed, file_letters
from postroom.store.spans import Span
from tests.conftest import Opener
from tests.planned import Planned
from tests.store.letters import copy


def test_flags_are_found_by_their_index(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            await db.write(lambda tx: file_letters(tx, [[copy(1)] for _ in range(3)], 1))

            def look(tx: Tx) -> list[str]:
                planned = Planned(tx, {"entry", "e"})
                entries.opening(planned, 1, 1)
                mailboxes.counts(planned, 1, "INBOX")
                mailboxes.counts_among(planned, [1])
                removal.next_chunk(planned, 1, Span(1, 1000), flagged=True)
                return planned.steps

            steps = await db.read(look)
            if db.engine == "sqlite":
                assert sum("COVERING INDEX entry_unseen" in step for step in steps) == 3
                assert sum("COVERING INDEX entry_deleted" in step for step in steps) == 5

    asyncio.run(run())


def test_a_message_is_found_by_its_whole_key(database: Opener) -> None:
    """Not by its account alone: that may have a million of them."""

    async def run() -> None:
        async with database() as db:
            letter = copy(1)
            await db.write(lambda tx: file_letters(tx, [[letter], [copy(1)]], 1))

            def look(tx: Tx) -> list[str]:
                planned = Planned(tx, {"message", "message_copies", "m", "b", "e"})
                named = "SELECT message_id FROM entry WHERE mailbox_id = :box AND uid <= 2"
                references.drop(planned, 1, named, box=1)
                references.add(planned, 1, named, box=1)
                references.drop(planned, 1, named, box=1)
                already_filed(planned, [letter])
                return planned.steps

            steps = await db.write(look)
            if db.engine == "sqlite":
                found = [step for step in steps if step.split()[1] in {"message", "m"}]
                assert len(found) == 4
                assert all("(account_id=? AND id=?)" in step for step in found)
                whole = "SEARCH message_copies USING PRIMARY KEY (account_id=? AND message_id=?)"
                assert steps.count(whole) == 2
                assert "SEARCH e USING PRIMARY KEY (mailbox_id=?)" in steps
                assert not [step for step in steps if step.startswith("SCAN")]

    asyncio.run(run())
