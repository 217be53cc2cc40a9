"""Faults of the queue, and how they are mended."""

import asyncio
from pathlib import Path

from postroom.admin.office import Office
from postroom.post.commit import Post
from postroom.post.notice import written
from postroom.queue import audit
from postroom.queue.audit import Faults
from tests.admin.bureau import offices
from tests.conftest import Opener
from tests.fakes import Clock
from tests.store.letters import query
from tests.store.test_audit import injure


def test_faults_are_seen_and_mended(database: Opener, data: Path) -> None:
    async def story(office: Office) -> None:
        post = Post(office.db, office.blobs, office.notify, office.clock)
        for name in ("a", "b", "c"):
            await post.commit(written(office, b"A: b\r\n\r\n", remote=[f"x@{name}.test"]))
        assert await office.db.read(audit.faults) == Faults([], [], [])
        ids = [
            row[0] for row in await office.store.read(query, "SELECT id FROM queued ORDER BY id")
        ]
        await injure(
            office.store,
            "UPDATE destination SET waiting = 5 WHERE name = 'a.test'",
            "DELETE FROM destination WHERE name = 'b.test'",
            f"DELETE FROM delivery WHERE queued_id = {ids[2]}",
        )
        assert await office.db.read(audit.faults) == Faults(
            ["a.test", "c.test", "b.test"], [ids[2]], []
        )
        await office.db.write(lambda tx: audit.recount(tx, 7))
        assert await office.db.write(lambda tx: audit.drop_letters(tx, office.blobs, 7)) == 1
        assert await office.db.read(audit.faults) == Faults([], [], [])
        waiting = "SELECT name, waiting FROM destination ORDER BY name"
        assert await office.store.read(query, waiting) == [
            ("a.test", 1), ("b.test", 1), ("c.test", 0),
        ]  # fmt: skip
        freed = "SELECT count(*) FROM blob WHERE refs = 0 AND freed_at = 7"
        assert await office.store.read(query, freed) == [(1,)]
        await injure(office.store, f"DELETE FROM queued WHERE id = {ids[0]}")
        assert await office.db.read(audit.faults) == Faults([], [], [(ids[0], 0)])

    async def run() -> None:
        async with offices(database, data, Clock())() as office:
            await story(office)

    asyncio.run(run())
