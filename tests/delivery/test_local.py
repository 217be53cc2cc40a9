"""Recipients of the queue that end in mailboxes here."""

import asyncio
import dataclasses
from pathlib import Path

import msgspec

from postroom.admin.office import Office
from postroom.delivery.here import CAPTURE, Filer
from postroom.delivery.local import Local
from postroom.directory.accounts import Account
from postroom.intake.waiting import waiting
from postroom.queue.rows import QUARANTINED, Inward
from postroom.store.store import Store
from postroom.telemetry.events import MessageQuarantined
from tests.conftest import Opener
from tests.delivery.station import OCTETS, Station, alone, notice_of, station
from tests.fakes import Recorder
from tests.policy.zone import Zone
from tests.post.office import bytes_of, row_counts


def test_a_message_for_later_is_filed_when_it_is_due(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            ident = await here.send("bob@home.test", due=here.clock() + 1000)
            await here.run()
            assert await here.inbox(here.bob) == []
            here.advance(1000)
            await here.run()
            [one] = await here.inbox(here.bob)
            assert one.endswith(OCTETS)
            assert await here.waiting() == []
            assert here.sink.conversations == []
            assert [(kind, detail) for kind, _, detail in await here.facts(ident)][-1] == (
                "delivered",
                "250 2.1.5 Filed here",
            )

    asyncio.run(run())


async def deciding(here: Station) -> None:
    """From here on accounts have their say."""
    directory, db, ids, clock = here.town.directory, here.db, here.ids, here.clock
    office = Office(
        config=here.config({}),
        db=db,
        directory=directory,
        store=Store(db, here.blobs, ids, clock, here.notify, directory.quota_of),
        blobs=here.blobs,
        notify=here.notify,
        ids=ids,
        clock=clock,
    )
    desk = waiting(office.config, office, here.post, Zone())
    local = Local(Filer(db, here.blobs, directory, ids, clock, desk), directory)
    await here.dispatcher.stop(5)
    here.start({}, lambda services: dataclasses.replace(services, local=local))


def test_accounts_have_their_say(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await deciding(here)
            script = 'require "vacation"; vacation "Away"; if header "subject" "x" { discard; }'
            await here.town.script("bob@home.test", script)
            ident = await here.send("bob@home.test", octets=OCTETS.replace(b"you@b", b"bob@home"))
            await here.run()
            assert len(await here.inbox(here.bob)) == 1
            [answer] = await here.inbox(here.alice)
            assert b"Away" in answer
            await here.town.script("bob@home.test", "discard;")
            await here.send("bob@home.test")
            await here.run()
            assert len(await here.inbox(here.bob)) == 1
            assert await here.waiting() == []
            assert [kind for kind, _, _ in await here.facts(ident)][-1] == "delivered"

    asyncio.run(run())


def test_who_refuses_what_has_waited_returns_it(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await deciding(here)
            await here.town.senders("bob@home.test", "block", "alice@home.test")
            await here.send("bob@home.test")
            await here.run()
            assert await here.inbox(here.bob) == []
            [notice] = await here.inbox(here.alice)
            assert notice_of(notice)[1] == "failed"
            assert b"Status: 5.7.1" in notice
            assert await here.waiting() == []
            assert (await here.db.read(row_counts))["reject"] == 1

    asyncio.run(run())


def test_here_and_elsewhere_in_one_message(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.send("bob@home.test", "you@b.test", "nobody@home.test")
            await here.run()
            assert len(await here.inbox(here.bob)) == 1
            assert [one.recipients for one in here.sink.taken] == [["you@b.test"]]
            [notice] = await here.inbox(here.alice)
            assert notice_of(notice)[1] == "failed"
            assert b"Status: 5.1.1" in notice
            assert await here.waiting() == []

    asyncio.run(run())


def test_success_is_told(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.send("bob@home.test", notify="SUCCESS")
            await here.run()
            [notice] = await here.inbox(here.alice)
            assert notice_of(notice) == ("Delivered: Hello", "delivered")
            assert len(await here.inbox(here.bob)) == 1

    asyncio.run(run())


def test_a_full_mailbox_waits_and_then_the_sender_is_told(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.town.account("full@home.test", quota=10)
            await here.send("full@home.test")  # the last one that has room
            await here.run()
            ident = await here.send("full@home.test", "bob@home.test")
            await here.run()
            assert len(await here.inbox(here.bob)) == 1
            [one] = await here.waiting()
            assert (one.recipient, one.attempts) == ("full@home.test", 1)
            assert one.reply.startswith("452 4.2.2 ")
            assert await here.leases() == 0
            await here.until_quiet(hours=130)
            assert await here.waiting() == []
            assert [notice_of(one)[1] for one in await here.inbox(here.alice)] == [
                "delayed",
                "failed",
            ]
            assert ("filed", "full@home.test") not in [
                (kind, who) for kind, who, _ in await here.facts(ident)
            ]

    asyncio.run(run())


def test_a_damaged_one_is_put_aside(data: Path, tmp_path: Path, events: Recorder) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            lines = b"".join([bytes_of(one, 36).hex().encode() + b"\r\n" for one in range(5_000)])
            await here.send("bob@home.test", octets=OCTETS + lines)
            [path] = [one for one in (data / "blobs").rglob("*") if one.is_file()]
            damaged = bytearray(path.read_bytes())
            damaged[-200] ^= 0xFF
            path.chmod(0o600)
            path.write_bytes(damaged)
            await here.run()
            assert [one.status for one in await here.waiting()] == [QUARANTINED]
            assert len(events.of(MessageQuarantined)) == 1
            assert await here.inbox(here.bob) == []
            left = [one for one in (data / "blobs").rglob("*") if one.is_file()]
            assert left == [path]

    asyncio.run(run())


# Capture


def test_with_capture_nothing_leaves(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data, capture=True) as here:
            account = await here.town.account(f"{CAPTURE}@home.test")
            await here.relay()
            ident = await here.send("you@b.test", "me@dead.test", "bob@home.test")
            await here.run()
            captured = await here.inbox(account)
            assert len(captured) == 2
            assert all(one.endswith(OCTETS) for one in captured)
            assert len(await here.inbox(here.bob)) == 1
            assert here.sink.conversations == []
            assert here.dns.queries == []
            assert await here.waiting() == []
            details = {detail for _, _, detail in await here.facts(ident) if detail}
            assert "250 2.1.5 Captured: nothing leaves this server" in details

    asyncio.run(run())


def test_capture_without_its_mailbox_returns_nothing(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, capture=True) as here:
            await here.send("you@b.test")
            await here.run()
            [one] = await here.waiting()
            assert "there is no mailbox outbound in the first domain; make it with" in one.reply
            assert await here.inbox(here.alice) == []
            await here.town.account(f"{CAPTURE}@home.test")
            await here.until_quiet()
            assert await here.waiting() == []

    asyncio.run(run())


async def team(here: Station) -> Account:
    """An alias for bob and an account that has no room left, which is given back."""
    await deciding(here)
    full = await here.town.account("full@home.test", quota=10)
    await here.town.alias("team@home.test", "full@home.test", "bob@home.test")
    await here.send("full@home.test")  # the last one that has room
    await here.run()
    return full


async def for_one(here: Station, account_id: int, *others: str) -> int:
    """A message for a team of which one account was full; what is left of it."""
    ident = await here.send("team@home.test", *others)
    told = msgspec.json.encode(Inward(account_id, "work")).decode()
    await here.db.write(
        lambda tx: tx.execute(
            "UPDATE delivery SET inward = :told WHERE queued_id = :id AND number = 0",
            told=told,
            id=ident,
        )
    )
    return ident


def test_what_waits_for_one_account_is_for_nobody_else(database: Opener, data: Path) -> None:
    """Neither for the others of its address nor for those it forwards to; and it comes once."""

    async def run() -> None:
        async with station(database, data) as here:
            full = await team(here)
            await here.town.forward("full@home.test", "you@b.test", keep=True)
            await for_one(here, full.id)
            await here.run()
            [one] = await here.waiting()
            assert (one.recipient, one.attempts) == ("team@home.test", 1)
            assert one.reply.startswith("452 4.2.2 ")
            await here.db.write(lambda tx: tx.execute("UPDATE account SET quota = 0"))
            await here.until_quiet(hours=2)
            assert await here.waiting() == []
            filed = await here.inbox(full)
            assert len(filed) == 2
            assert b"\r\nDelivered-To: team@home.test\r\n" in filed[1]
            assert (await here.inbox(here.bob), here.sink.taken) == ([], [])

    asyncio.run(run())


def test_what_waited_for_many_is_for_those_with_room(database: Opener, data: Path) -> None:
    """What was sent for later, say; the copy of who is full goes on waiting alone."""

    async def run() -> None:
        async with station(database, data) as here:
            full = await team(here)
            await here.send("team@home.test")
            await here.run()
            assert len(await here.inbox(here.bob)) == 1
            [one] = await here.waiting()
            assert (one.recipient, len(await here.inbox(full))) == ("team@home.test", 1)
            await here.db.write(lambda tx: tx.execute("UPDATE account SET quota = 0"))
            await here.until_quiet(hours=2)
            assert await here.waiting() == []
            assert (len(await here.inbox(here.bob)), len(await here.inbox(full))) == (1, 2)

    asyncio.run(run())


def test_who_never_has_room_fails_in_the_end(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            full = await team(here)
            await for_one(here, full.id)
            await here.until_quiet(hours=130)
            kinds = [notice_of(one)[1] for one in await here.inbox(here.alice)]
            assert kinds == ["delayed", "failed"]
            assert await here.waiting() == []

    asyncio.run(run())


def test_an_account_that_is_gone_meanwhile(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            await here.town.alias("team@home.test", "bob@home.test")
            await for_one(here, 4711)
            await here.run()
            [notice] = await here.inbox(here.alice)
            assert notice_of(notice)[1] == "failed"
            assert await here.inbox(here.bob) == []

    asyncio.run(run())
