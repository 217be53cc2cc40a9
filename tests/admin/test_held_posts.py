import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from postroom.admin import held_posts, lists, queue
from postroom.admin.office import Office
from postroom.config.model import Config
from postroom.errors import NotFound, Refused
from tests.admin.bureau import hinting
from tests.conftest import Opener
from tests.intake.lists.hall import Hall, hall, posted


@contextlib.asynccontextmanager
async def waiting(database: Opener, data: Path) -> AsyncIterator[tuple[Hall, Office]]:
    """A post waits for an owner."""
    async with hall(database, data, moderation="all") as one:
        here = one.here
        await posted(one)
        yield one, Office(
            config=Config(hostname="mx.local.test", data=str(data)), db=here.db,
            directory=here.town.directory, store=here.store, blobs=here.blobs, notify=here.notify,
            ids=here.ids, clock=here.clock,
        )  # fmt: skip


async def every(office: Office) -> list[str]:
    return [one.id async for one in held_posts.every(office, "dev@local.test")]


def test_a_post_that_is_accepted_goes_to_everybody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with waiting(database, data) as (one, office):
            (ident,) = await every(office)
            assert await held_posts.list_of(office, ident) == "dev@local.test"
            with pytest.raises(Refused, match="decide on them first"):
                await lists.rename(office, "dev@local.test", "new@local.test")
            accepted = await held_posts.accept(office, ident)
            assert (accepted.subject, accepted.sender) == ("Hello", "bob@local.test")
            await one.work()
            assert "cid@else.example" in dict(await one.here.leaving())
            assert await every(office) == []
            with pytest.raises(NotFound, match="no post"):
                await held_posts.accept(office, ident)

    asyncio.run(run())


def test_a_post_that_is_turned_away_is_gone_and_its_author_told(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with waiting(database, data) as (one, office):
            (ident,) = await every(office)
            async with hinting(office) as aside:
                await held_posts.reject(aside, ident, "it is off topic")
            assert await every(office) == []
            (told,) = await one.here.inbox(one.here.bob)
            assert b"was not sent to its members: it is off topic." in told
            with pytest.raises(NotFound):
                await queue.show(office, ident)

    asyncio.run(run())


def test_a_post_that_nobody_looks_at_is_turned_away_after_two_weeks(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with waiting(database, data) as (one, office):
            one.here.clock.now += held_posts.HELD_MS
            await held_posts.expire(office)
            assert len(await every(office)) == 1
            one.here.clock.now += 1
            await held_posts.expire(office)
            assert await every(office) == []
            (told,) = await one.here.inbox(one.here.bob)
            assert b"no owner of the list has looked at it in time" in told

    asyncio.run(run())


def test_what_a_postmaster_holds_is_no_post(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with waiting(database, data) as (one, office):
            await one.change(moderation="none")
            await posted(one)
            outcome = await queue.hold(office, queue.choose(recipient="cid@else.example"))
            assert outcome.messages == 1
            (held,) = [
                each.id
                async for each in queue.every(office, queue.choose(recipient="cid@else.example"))
            ]
            with pytest.raises(NotFound, match="no post"):
                await held_posts.accept(office, held)
            one.here.clock.now += 10 * held_posts.HELD_MS
            await held_posts.expire(office)
            assert (await queue.show(office, held)).id == held

    asyncio.run(run())
