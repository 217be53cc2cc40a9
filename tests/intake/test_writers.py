import asyncio
from pathlib import Path

import pytest

from postroom.directory import aliases
from postroom.directory.expand import Writers
from tests.conftest import Opener
from tests.directory.town import at
from tests.intake.desk import Desk, desk, mail, rcpt, said

TEAM = "team@local.test"


async def team(here: Desk, writers: Writers, address: str = TEAM) -> None:
    """An alias of bob and somebody elsewhere."""
    await here.town.alias(address, "bob@local.test", "ann@client.example")
    await here.town.directory.change(
        lambda tx: aliases.change(tx, aliases.require(tx, at(address)), writers=writers)
    )


@pytest.mark.parametrize(
    ("writers", "stranger", "network", "alice", "bob"),
    [
        ("anyone", "250 2.1.5", "250 2.1.5", "250 2.1.5", "250 2.1.5"),
        ("here", "550 5.7.2", "250 2.1.5", "250 2.1.5", "250 2.1.5"),
        ("members", "550 5.7.2", "550 5.7.2", "550 5.7.2", "250 2.1.5"),
    ],
)
def test_who_may_write_to_an_alias(
    database: Opener,
    data: Path,
    writers: Writers,
    stranger: str,
    network: str,
    alice: str,
    bob: str,
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await team(here, writers)
            for one, sender, expected in (
                (here.open(), "ann@client.example", stranger),
                (here.open(), "bob@local.test", stranger),  # anybody can write that
                (here.open(relay=True), "x@device.example", network),
                (await here.logged_in(here.alice), "alice@local.test", alice),
                (await here.logged_in(here.bob), "bob@local.test", bob),
            ):
                await one.greet("client.example", esmtp=True)
                await one.mail(mail(sender))
                assert said(await one.rcpt(rcpt(TEAM))) == expected, (writers, sender)
                assert said(await one.rcpt(rcpt("bob@local.test"))) == "250 2.1.5"

    asyncio.run(run())


def test_a_forward_of_a_member_changes_nothing(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await team(here, "members")
            await here.town.forward("bob@local.test", "bob@far.example", keep=False)
            one = await here.logged_in(here.bob)
            await one.mail(mail("bob@local.test"))
            assert said(await one.rcpt(rcpt(TEAM))) == "250 2.1.5"

    asyncio.run(run())


def test_what_another_alias_sends_on_comes_from_here(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await team(here, "here")
            await here.town.alias("open@local.test", TEAM)
            one = here.open()
            await one.greet("client.example", esmtp=True)
            await one.mail(mail("ann@client.example"))
            assert said(await one.rcpt(rcpt("open@local.test"))) == "250 2.1.5"

    asyncio.run(run())


def test_roles_take_mail_from_everybody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            await team(here, "members", "abuse@local.test")
            one = here.open()
            await one.greet("client.example", esmtp=True)
            await one.mail(mail("ann@client.example"))
            assert said(await one.rcpt(rcpt("abuse@local.test"))) == "250 2.1.5"

    asyncio.run(run())
