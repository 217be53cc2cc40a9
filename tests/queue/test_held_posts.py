import asyncio
from pathlib import Path

from postroom.queue import held_posts
from postroom.queue.held_posts import HeldPost
from tests.conftest import Opener
from tests.intake.lists.hall import hall, posted


def test_posts_on_hold_are_found_by_their_list(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, moderation="all") as one:
            for _ in range(3):
                await posted(one)
            read = one.here.db.read

            async def page(prefix: str, domain: str = "local.test") -> list[HeldPost]:
                return await read(lambda tx: held_posts.page(tx, prefix, domain, 0, 2))

            first, second = await page("dev+accepted-")
            assert first.id < second.id
            assert first.sender == "bob@local.test"
            rest = await read(
                lambda tx: held_posts.page(tx, "dev+accepted-", "local.test", second.id, 2)
            )
            assert len(rest) == 1
            assert await page("dev+accepted-", "else.example") == []
            assert await page("devil+accepted-") == []
            assert await read(lambda tx: held_posts.find(tx, first.id)) == first
            assert await read(lambda tx: held_posts.find(tx, 1)) is None
            late = first.accepted + 1
            assert len(await read(lambda tx: held_posts.before(tx, late, 0, 9))) == 3
            assert await read(lambda tx: held_posts.before(tx, first.accepted, 0, 9)) == []

    asyncio.run(run())
