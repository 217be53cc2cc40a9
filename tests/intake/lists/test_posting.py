"""Who may post, and what is no post at all."""

import asyncio
from pathlib import Path

import pytest

from postroom.policy.verdict import Verdict
from tests.conftest import Opener
from tests.intake.desk import said, send
from tests.intake.lists.hall import OWN, POST, hall, posted


def test_who_may_not_post_is_refused_at_the_door(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data) as one:
            stranger = POST.replace(b"bob@local.test", b"eve@else.example")
            door = one.here.open()
            (answer,) = await send(door, "dev@local.test", octets=stranger)
            assert said(answer) == "550 5.7.2"
            await one.change(posting="anyone")
            (answer,) = await send(door, "dev@local.test", octets=stranger)
            assert said(answer) == "250 2.0.0"
            await one.change(posting="owners")
            assert await posted(one) == "550 5.7.2"

    asyncio.run(run())


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("List-Id: other <DEV.local.test>\r\n", "554 5.4.6"),
        ("Delivered-To: Dev@local.test\r\n", "554 5.4.6"),
        ("Auto-Submitted: auto-replied\r\n", "550 5.7.1"),
        ("Content-Type: multipart/report; report-type=x\r\n", "550 5.7.1"),
        ("Auto-Submitted: no\r\n", "250 2.0.0"),
        ("List-Id: <other.list>\r\nList-Unsubscribe: <mailto:x@y>\r\n", "250 2.0.0"),
    ],
)
def test_loops_and_automatic_messages_never_go_to_a_list(
    database: Opener, data: Path, more: str, code: str
) -> None:
    async def run() -> None:
        async with hall(database, data) as one:
            octets = (more + OWN + "\r\nHi.\r\n").encode()
            assert await posted(one, octets) == code
            going = await one.here.leaving()
            assert bool(going) is (code == "250 2.0.0")
            assert all(octets.count(b"List-Id") == 1 for _, octets in going)
            assert all(octets.count(b"List-Unsubscribe:") == 1 for _, octets in going)

    asyncio.run(run())


def test_a_notice_and_a_large_message_are_no_posts(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, posting="anyone", max_size=500) as one:
            door = one.here.open()
            (answer,) = await send(door, "dev@local.test", sender="")
            assert said(answer) == "550 5.7.1"
            (answer,) = await send(door, "dev@local.test", octets=POST + b"x" * 500)
            assert said(answer) == "552 5.3.4"

    asyncio.run(run())


def test_a_post_of_an_owner_waits_for_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, moderation="all", posting="owners") as one:
            await one.join("owner", "bob@local.test")
            await posted(one)
            assert "cid@else.example" in dict(await one.here.leaving())

    asyncio.run(run())


def test_posts_of_others_wait_where_that_is_wanted(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, moderation="others", posting="owners") as one:
            await posted(one)
            going = dict(await one.here.leaving())
            assert b"only owners may post" in going["dev+owner@local.test"]
            assert "cid@else.example" not in going

    asyncio.run(run())


def test_junk_is_for_nobody_where_a_list_is_among_them(database: Opener, data: Path) -> None:
    class Suspicious:
        async def judge(self, _facts: object) -> Verdict:
            return Verdict(stage="test", action="junk", reason="it is")

    async def run() -> None:
        async with hall(database, data, posting="anyone") as one:
            one.here.change(stages=(Suspicious(),))
            door = one.here.open()
            (answer,) = await send(door, "bob@local.test", "dev@local.test")
            assert said(answer) == "550 5.7.1"
            (answer,) = await send(door, "bob@local.test")
            assert said(answer) == "250 2.0.0"

    asyncio.run(run())


def test_one_of_several_recipients_that_refuses_does_not_stop_the_others(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data, posting="owners") as one:
            bob = await one.here.logged_in(one.here.bob)
            (answer,) = await send(
                bob, "alice@local.test", "dev@local.test", octets=POST, sender="bob@local.test"
            )
            assert said(answer) == "250 2.0.0"
            await one.work()
            assert one.refused == [("dev@local.test", "550 5.7.2")]
            assert len(await one.here.inbox(one.here.alice)) == 1

    asyncio.run(run())
