"""A desk with milters, and strangers who come to it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from postroom.config.filters import Filter
from postroom.intake.conversation import Conversation
from tests.conftest import Opener
from tests.intake.desk import (
    Desk,
    desk,
)
from tests.loop import patiently
from tests.policy.filters.fakes import Talk, listening, written

STEPS = "CHMRTLNBE"


@contextlib.asynccontextmanager
async def asked(
    here: Desk, *talks: Talk, tmp: Path | None = None, **settings: object
) -> AsyncIterator[None]:
    """With these milters for all mail."""
    async with contextlib.AsyncExitStack() as stack:
        filters = []
        for talk in talks:
            place = await stack.enter_async_context(listening(talk))
            fields = {"kind": "milter", "address": written(place), "sees": "both", "seconds": 5.0}
            filters.append(Filter(**{**fields, **settings}))  # type: ignore[arg-type]
        here.change(milters=tuple(filters))
        yield


async def stranger(here: Desk, **peer: object) -> Conversation:
    one = here.open(**peer)  # type: ignore[arg-type]
    assert await one.greet("client.example", esmtp=True) is None
    return one


def tell(database: Opener, data: Path, story: Callable[[Desk], Awaitable[None]]) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await story(here)

    patiently(run())
