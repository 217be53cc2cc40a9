"""From a click command to ``admin``: settings read, office open, one function run."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from postroom.admin.office import Office
from postroom.config.model import Config

T = TypeVar("T")


def settings(context: click.Context) -> Config:
    """The settings that ``-c``, POSTROOM_CONFIG or the usual places name."""
    from postroom.config.load import find, load

    named: str | None = context.find_root().obj
    return load(find(named))


def run(context: click.Context, work: Callable[[Office], Awaitable[T]]) -> T:
    """Open the office, do the work in it, close it."""
    from postroom.admin.actor import at_command_line, become
    from postroom.admin.open import open_office

    config = settings(context)

    async def inside() -> T:
        become(at_command_line())
        async with open_office(config) as office:
            return await work(office)

    return asyncio.run(inside())
