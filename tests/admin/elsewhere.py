"""A desk that fetches from accounts elsewhere."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from postroom.admin.fetcher import Fetcher
from postroom.admin.office import Office
from postroom.config.model import Config
from postroom.directory import fetchings
from postroom.directory.fetchings import Fetching
from postroom.intake.intake import Intake
from tests.conftest import Opener
from tests.intake.desk import Desk, desk
from tests.net.street import HOST

Story = Callable[[Desk, Fetcher], Awaitable[None]]


def told(database: Opener, data: Path, story: Story) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            office = Office(
                config=Config(hostname="mx.local.test", data=str(data)),
                db=here.db,
                directory=here.town.directory,
                store=here.store,
                blobs=here.blobs,
                notify=here.notify,
                ids=here.ids,
                clock=here.clock,
            )
            await story(here, Fetcher(office, Intake(here.services)))

    asyncio.run(run())


async def source(here: Desk, port: int, protocol: str = "pop3", **values: object) -> None:
    fields: dict[str, object] = {
        "folder": "INBOX", "target": "", "leaves": True, "every": 10, "next_at": 0, **values,
    }  # fmt: skip
    one = Fetching(
        id=here.ids.next(), account_id=here.bob.id, protocol=protocol, host=HOST, port=port,  # type: ignore[arg-type]
        tls="none", verify=True, login="bob", is_token=False, **fields,  # type: ignore[arg-type]
    )  # fmt: skip
    key = here.town.directory.secrets.seal
    await here.db.write(lambda tx: fetchings.add(tx, one, "secret word", key))


async def state(here: Desk) -> Fetching:
    (one,) = await here.db.read(lambda tx: fetchings.page(tx, 0, 10))
    return one


async def again(here: Desk, job: Fetcher) -> None:
    one = await state(here)
    await here.db.write(lambda tx: fetchings.hurry(tx, one.id, here.clock()))
    assert await job.once() == 1
