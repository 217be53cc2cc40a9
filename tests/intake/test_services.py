"""What conversations work with."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest

from postroom.policy.reputation import Reputation
from postroom.policy.tokens import number
from postroom.store import mailboxes
from tests.conftest import Opener
from tests.intake.desk import LETTER, desk, send


def test_services_do_not_change(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            with pytest.raises(dataclasses.FrozenInstanceError):
                here.services.hostname = "other"  # type: ignore[misc]

    asyncio.run(run())


def test_what_was_sent_is_counted_and_its_recipients_become_known(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            held = Reputation(here.services.store.db, here.services.clock)
            services = dataclasses.replace(here.services, reputation=held)
            services.sent(1, ["ann@client.example"])
            here.services.sent(1, ["bob@client.example"])
            await held.close()
            rows = await here.services.store.read(
                lambda tx: tx.all("SELECT account_id, person FROM correspondent")
            )
            assert rows == [(1, number("sender-address:ann@client.example"))]

    asyncio.run(run())


MARKED = b"X-Spam-Flag: YES\r\nX-Spam-Status: No, score=-9\r\nX-Spam-Level: *\r\n" + LETTER


@pytest.mark.parametrize(
    ("is_on", "peer", "is_kept"),
    [
        (True, {}, False),
        (False, {}, True),  # another filter may stand before this server
        (True, {"checks": False}, True),
        (True, {"relay": True}, True),
        (True, {"door": "fetch-imap"}, True),
    ],
)
def test_no_stranger_marks_what_our_filter_judges(
    is_on: bool, peer: dict[str, Any], is_kept: bool, database: Opener, data: Path
) -> None:
    """Neither a script nor a mail program is fooled."""

    async def run() -> None:
        async with desk(database, data) as here:
            if is_on:
                held = Reputation(here.services.store.db, here.services.clock)
                here.change(reputation=held)
            script = 'require "fileinto"; if exists "X-Spam-Status" { fileinto "Work"; }'
            await here.town.script("bob@local.test", script, "main")
            await here.store.write(
                mailboxes.create, here.bob.id, "Work", None, [here.ids.next()], 0
            )
            one = here.open(**peer)
            await send(one, "bob@local.test", octets=MARKED)
            inbox, work = await here.inbox(here.bob), await here.inbox(here.bob, "Work")
            assert (len(inbox), len(work)) == (int(not is_kept), int(is_kept))
            (filed,) = inbox + work
            if is_kept:
                assert filed.endswith(MARKED)
            else:
                assert filed.endswith(b"\r\nX-Spam-Level: *\r\n" + LETTER)
                assert b"X-Spam-Status" not in filed

    asyncio.run(run())
