"""Test messages at the end of setting up, when often no server runs yet.

Then one is started in this process for as long as the messages take: only its SMTP port, without
a log on the terminal, and without ordering certificates, which a server that stays does.
"""

import asyncio
import os
from typing import Final

import msgspec

from postroom.admin.letter_test import LetterTest
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.cli.test_letter import both
from postroom.config.acme import Acme
from postroom.config.model import Config, standard_listeners
from postroom.db.locks import ServeLock
from postroom.errors import Refused

SECONDS: Final = 60.0  # that the message outside is followed


def letters(config: Config, account: str, to: str) -> list[LetterTest]:
    """In, and out when ``to`` is not "". Raises Refused when no server can be started."""
    try:
        ServeLock(config.folder).release()
    except Refused:  # one runs
        return asyncio.run(_beside(config, account, to))
    return asyncio.run(_within(alone(config), account, to))


def alone(config: Config) -> Config:
    """The settings of a server that only takes and sends mail."""
    listen = config.listen or standard_listeners()
    return msgspec.structs.replace(
        config,
        listen=tuple(one for one in listen if one.protocol == "smtp"),
        acme=Acme(),
        log=msgspec.structs.replace(config.log, console="none"),
    )


async def _beside(config: Config, account: str, to: str) -> list[LetterTest]:
    async with open_office(config) as office:
        return await both(office, account=account, to=to, seconds=SECONDS)


async def _within(config: Config, account: str, to: str) -> list[LetterTest]:
    from postroom.app import App

    done: list[LetterTest] = []

    async def ready(app: App, office: Office) -> None:
        try:
            done.extend(await both(office, account=account, to=to, seconds=SECONDS))
        finally:
            app.stop()

    await App(config, os.environ).run(ready)
    return done
