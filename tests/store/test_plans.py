"""How SQLite looks for messages with a flag: by the index of that flag alone."""

import asyncio

from postroom.db.database import Tx
from postroom.store import entries, mailboxes, removal
from postroom.store.filing import file_letters
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
