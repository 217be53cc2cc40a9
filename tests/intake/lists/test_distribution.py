"""Who gets a post, and what each of them gets."""

import asyncio
import re
from pathlib import Path

import pytest

from postroom.intake.lists import distribution
from postroom.store.audit import wrong_blobs
from tests.conftest import Opener
from tests.intake.lists.hall import hall, posted


def test_a_post_goes_to_every_member_once_with_a_sender_of_their_own(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data, name="Developers") as one:
            assert await posted(one) == "250 2.0.0"
            going = dict(await one.here.leaving())
            assert sorted(going) == ["ann@client.example", "bob@local.test", "cid@else.example"]
            octets = going["cid@else.example"]
            assert octets.endswith(b"\r\n\r\nHi.\r\n")
            for line in (
                b'List-Id: "Developers" <dev.local.test>',
                b"List-Post: <mailto:dev@local.test>",
                b"List-Owner: <mailto:dev%2Bowner@local.test>",
                b"List-Unsubscribe-Post: List-Unsubscribe=One-Click",
                b"Precedence: list",
                b"Subject: Hello",
                b"Delivered-To: dev@local.test",
            ):
                assert b"\r\n" + line + b"\r\n" in b"\r\n" + octets
            assert octets.count(b"\r\nList-Unsubscribe") == 1
            assert re.match(
                rb"List-Unsubscribe: <https://mx\.local\.test/lists/leave/[a-z2-7]{24}>,\r\n"
                rb" <mailto:dev%2Bleave-[a-z2-7]{24}@local\.test>\r\n",
                octets,
            )
            senders = await one.senders()
            assert len(set(senders.values())) == 3
            assert all(s.startswith("dev+bounce-") for s in senders.values())
            assert max(len(s.partition("@")[0]) for s in senders.values()) <= 64
            rows = await one.here.db.read(lambda tx: tx.all("SELECT refs FROM blob WHERE refs > 0"))
            assert (3,) in list(map(tuple, rows))

    asyncio.run(run())


def test_a_long_list_goes_in_steps_and_nobody_gets_it_twice(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "STEP", 4)

    async def run() -> None:
        async with hall(database, data) as one:
            people = [f"m{n}@else.example" for n in range(17)]
            await one.join("member", *people)
            assert await posted(one) == "250 2.0.0"
            going = [to for to, _ in await one.here.leaving()]
            assert sorted(going) == sorted(
                [*people, "bob@local.test", "ann@client.example", "cid@else.example"]
            )
            octets = dict(await one.here.leaving())["m16@else.example"]
            assert octets.count(b"List-Id:") == 1
            assert octets.count(b"Delivered-To: dev@local.test") == 1
            rows = await one.here.db.read(
                lambda tx: tx.all("SELECT blob_id, count(*) FROM queued GROUP BY blob_id")
            )
            steps = 5  # and each but the last made a letter for the next
            assert sorted(count for _, count in rows) == [1, 20 + steps - 1]
            assert await one.here.db.read(wrong_blobs) == []

    asyncio.run(run())


def test_who_posts_need_not_get_it_and_the_archive_can_not_leave(
    database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with hall(database, data, own_copy=False) as one:
            await one.join("archive", "alice@local.test")
            await posted(one)
            going = dict(await one.here.leaving())
            assert sorted(going) == ["alice@local.test", "ann@client.example", "cid@else.example"]
            assert b"List-Unsubscribe" not in going["alice@local.test"]
            assert b"List-Id" in going["alice@local.test"]

    asyncio.run(run())
