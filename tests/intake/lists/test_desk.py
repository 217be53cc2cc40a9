"""What comes for a list through the queue: posts, what comes back, what is asked by mail."""

import asyncio
import re
from pathlib import Path

from postroom.directory import list_keys
from tests.conftest import Opener
from tests.intake.desk import said, send
from tests.intake.lists.hall import hall, posted

DAY = 24 * 3600 * 1000
NOTICE = b"""From: mailer@else.example\r
To: dev+bounce@local.test\r
Subject: failed\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.else.example\r
\r
Final-Recipient: rfc822; cid@else.example\r
Action: %b\r
Status: 5.1.1\r
--b--\r
"""


def confirm_address(octets: bytes) -> str:
    found = re.search(rb"\r\nReply-To: (\S+)\r\n", octets)
    assert found is not None
    return found[1].decode()


def test_an_address_of_the_next_step_does_nothing_in_another_letter(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data, posting="owners") as one:
            key, of = one.here.town.secrets.srs, await one.found()
            for purpose, number in (("next", 1), ("accepted", of.id), ("bounce", 1 << 50)):
                to = of.sub(list_keys.signed(purpose, number, key))  # type: ignore[arg-type]
                assert await posted(one, to=to) == "550 5.1.1"
                way = f"{purpose}@local.test"
                await one.here.town.alias(way, to)
                assert await posted(one, to=way) == "250 2.0.0"
                assert one.refused.pop() == (to, "550 5.1.1")
                assert dict(await one.here.leaving()) == {}

    asyncio.run(run())


def test_a_member_whose_post_comes_back_on_three_days_is_suspended(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data) as one:
            await posted(one)
            back = (await one.senders())["cid@else.example"]
            door = one.here.open()

            async def comes_back(action: bytes, sender: str = "") -> None:
                await send(door, back.upper(), octets=NOTICE % action, sender=sender)
                await one.work()

            await comes_back(b"delayed")
            for day in range(3):
                assert "cid@else.example" in await one.members(), day
                await comes_back(b"Failed")
                await comes_back(b"failed")  # the same day
                one.here.clock.now += DAY + 1
            assert "cid@else.example (suspended)" in await one.members()
            told = [
                octets for to, octets in await one.here.leaving() if to == "dev+owner@local.test"
            ]
            assert len(told) == 1
            assert b"cid@else.example" in told[0]
            octets = NOTICE % b"failed"
            (answer,) = await send(door, back, octets=octets, sender="eve@else.example")
            assert said(answer) == "550 5.1.1"

    asyncio.run(run())


def test_a_moderated_post_waits_and_is_distributed_once_it_is_released(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data, moderation="all") as one:
            assert await posted(one) == "250 2.0.0"
            going = await one.here.leaving()
            (waits,) = [to for to, _ in going if to.startswith("dev+accepted-")]
            (told,) = [octets for to, octets in going if to == "dev+owner@local.test"]
            assert b"From:    bob@local.test" in told
            await one.here.db.write(
                lambda tx: tx.execute("UPDATE delivery SET status = 0 WHERE status = 3")
            )
            await one.work()
            assert {"bob@local.test", "ann@client.example", "cid@else.example"} <= set(
                dict(await one.here.leaving())
            )
            assert one.refused == []
            assert waits not in dict(await one.here.leaving())

    asyncio.run(run())


def test_people_join_and_leave_by_confirmed_letters(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, subscribing="open") as one:
            here = one.here
            ask = b"From: alice@local.test\r\nTo: x@y\r\nSubject: please\r\n\r\n"
            alice = await here.logged_in(here.alice)
            for wish, after in (("subscribe", True), ("unsubscribe", False)):
                await send(alice, f"dev+{wish}@local.test", octets=ask, sender="alice@local.test")
                await one.work()
                to = confirm_address((await here.leaving())[-1][1])
                assert ("alice@local.test" in await one.members()) is not after
                for wrong in (
                    ask.replace(b"alice", b"bob"),
                    b"Auto-Submitted: auto-replied\r\n" + ask,
                ):
                    (answer,) = await send(here.open(), to, octets=wrong)
                    assert said(answer) == "550 5.7.1"
                await send(here.open(), to, octets=ask)
                await one.work()
                assert ("alice@local.test" in await one.members()) is after
                here.clock.now += 9 * DAY
                (answer,) = await send(here.open(), to, octets=ask)
                assert said(answer) == "550 5.7.1"

    asyncio.run(run())


def test_nobody_has_letters_sent_to_others(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data, subscribing="open") as one:
            here = one.here
            forged = b"From: victim@else.example\r\nSubject: x\r\n\r\n"
            (answer,) = await send(
                here.open(), "dev+subscribe@local.test", octets=forged, sender="victim@else.example"
            )
            assert said(answer) == "550 5.7.1"
            assert await here.leaving() == []
            ask = b"From: bob@local.test\r\nSubject: x\r\n\r\n"
            bob = await here.logged_in(here.bob)
            for _ in range(5):
                await send(bob, "dev+help@local.test", octets=ask, sender="bob@local.test")
            await one.work()
            assert [to for to, _ in await here.leaving()] == ["bob@local.test"] * 3
            await one.change(subscribing="closed")
            here.clock.now += DAY
            (answer,) = await send(
                bob, "dev+subscribe@local.test", octets=ask, sender="bob@local.test"
            )
            assert said(answer) == "550 5.7.2"

    asyncio.run(run())


def test_a_letter_to_the_address_in_list_unsubscribe_takes_one_member_out(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data) as one:
            await posted(one)
            octets = dict(await one.here.leaving())["cid@else.example"]
            found = re.search(rb"<mailto:(dev%2Bleave-[^>]+)>", octets)
            assert found is not None
            to = found[1].decode().replace("%2B", "+")
            for _ in range(2):
                await send(one.here.open(), to, sender="")
                await one.work()
                assert await one.members() == ["ann@client.example", "bob@local.test"]
            assert one.refused == []

    asyncio.run(run())


def test_owners_are_an_alias_and_other_names_nobody(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with hall(database, data) as one:
            here = one.here
            await send(here.open(), "dev+owner@local.test")
            assert len(await here.inbox(here.alice)) == 1
            for odd in ("dev+x", "dev+bounce-x", "dev-owner", "dev+"):
                assert (await here.town.resolve(f"{odd}@local.test")).kind == "unknown", odd

    asyncio.run(run())
