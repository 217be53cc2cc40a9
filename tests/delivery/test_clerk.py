"""The end of patience: five days on a clock that is moved by hand."""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from postroom.blobs.store import BlobCorrupt
from postroom.db.database import Database, Tx
from postroom.delivery.clerk import _last_words
from postroom.delivery.content import Contents, Loaded
from postroom.delivery.services import Services
from postroom.errors import StorageFailed
from postroom.protocol.smtp.client_replies import ServerReply
from postroom.queue import changes
from postroom.queue.claimed import Claimed
from postroom.queue.rows import QUARANTINED, STRANGER
from postroom.telemetry.events import ClockJumped, MessageBounced, MessageDeferred
from tests.conftest import Opener
from tests.delivery.station import HOUR, Station, alone, notice_of, station
from tests.delivery.stock import recipient
from tests.fakes import START, Recorder

T = TypeVar("T")


async def told(here: Station) -> list[tuple[str, str]]:
    return [notice_of(one) for one in await here.inbox(here.alice)]


def test_five_days_of_deferrals(database: Opener, data: Path, events: Recorder) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            here.sink.fault("RCPT", "451 4.2.0 Mailbox is busy")
            ident = await here.send("you@b.test")
            await here.until_quiet(hours=3.9)
            assert await told(here) == []
            await here.until_quiet(hours=10)
            assert await told(here) == [("Delayed: Hello", "delayed")]
            await here.until_quiet(hours=104)
            assert len(await here.waiting()) == 1
            assert len(await told(here)) == 1
            await here.until_quiet(hours=20)
            assert await here.waiting() == []
            assert await told(here) == [
                ("Delayed: Hello", "delayed"),
                ("Undelivered: Hello", "failed"),
            ]
            assert here.clock() == START + 120 * HOUR
            tries = [line for line in here.sink.lines if line.startswith("RCPT")]
            assert len(tries) == 36
            assert here.sink.received == []
            facts = await here.facts(ident)
            noted = [detail.rpartition(",")[0] for kind, _, detail in facts if kind == "noted"]
            assert noted == [
                "a notice of delay went to alice@home.test",
                "a notice of failure went to alice@home.test",
            ]
            kinds = [kind for kind, _, _ in facts if kind != "noted"]
            assert kinds == ["queued", *["deferred"] * 35, "bounced"]
            detail = facts[-2][2]
            assert detail.startswith("given up after the last attempt: mx.b.test: 451 4.2.0 Mailb")
            notice = (await here.inbox(here.alice))[-1]
            assert b"Status: 5.4.7" in notice
            assert b"Diagnostic-Code: smtp; 451 4.2.0 Mailbox is busy" in notice
            assert len(events.of(MessageDeferred)) == 35
            assert [one.status for one in events.of(MessageBounced)] == ["5.4.7"]
            assert await here.unused_blobs() == 1
            await here.until_quiet(hours=200)
            assert len(await told(here)) == 2

    asyncio.run(run())


def test_a_dead_host_for_five_days(database: Opener, data: Path) -> None:
    """Most of what waits is never tried by itself, and its senders are told all the same."""

    async def run() -> None:
        async with station(database, data) as here:
            for number in range(5):
                await here.send(f"u{number}@dead.test")
            for _ in range(9):
                here.advance(hours=0.5)
                await here.run()
            delayed = await told(here)
            assert {kind for _, kind in delayed} == {"delayed"}
            for _ in range(230):
                here.advance(hours=0.5)
                await here.run()
            assert len(await here.waiting()) == 5
            for _ in range(3):
                here.advance(hours=0.5)
                await here.run()
            assert await here.waiting() == []
            kinds = Counter([kind for _, kind in await told(here)])
            assert kinds == {"delayed": 5, "failed": 5}
            assert await here.leases() == 0
            assert (await here.destination("dead.test"))[3] == 0
            notice = (await here.inbox(here.alice))[-1].decode()
            said = "Diagnostic-Code: X-Postroom; mx.dead.test: 127.0.0.9: Connection refused"
            assert said in notice.replace("\r\n ", " ")

    asyncio.run(run())


def test_a_delay_is_counted_from_when_a_message_was_to_go(database: Opener, data: Path) -> None:
    """Those that came before it, and were told of, hide it from nobody."""

    async def run() -> None:
        async with station(database, data) as here:
            now = here.clock()
            for number in range(3):
                await here.send(f"u{number}@dead.test", due=now + 24 * HOUR)
            await here.send("early@dead.test")
            for _ in range(2 * 28 - 1):
                here.advance(hours=0.5)
                await here.run()
            assert [kind for _, kind in await told(here)] == ["delayed"]
            for _ in range(2):
                here.advance(hours=0.5)
                await here.run()
            assert [kind for _, kind in await told(here)] == ["delayed"] * 4
            for _ in range(20):
                here.advance(hours=0.5)
                await here.run()
            assert len(await told(here)) == 4

    asyncio.run(run())


def test_what_was_held_and_is_released_is_told_of(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            for number in range(3):
                await here.send(f"u{number}@dead.test")
            await here.run()
            rows = await here.db.read(lambda tx: tx.all("SELECT id FROM queued ORDER BY id"))
            await here.db.write(lambda tx: changes.hold(tx, [rows[1][0]]))
            here.advance(hours=5)
            await here.run()
            assert [kind for _, kind in await told(here)] == ["delayed"] * 2
            await here.db.write(lambda tx: changes.release(tx, [rows[1][0]]))
            await here.clerk.sweep()
            assert [kind for _, kind in await told(here)] == ["delayed"] * 3
            await here.clerk.sweep()
            assert len(await told(here)) == 3

    asyncio.run(run())


def test_without_notices_of_delay(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, delay_notice_hours=0, give_up_hours=10) as here:
            here.sink.fault("RCPT", "451 4.2.0 Later")
            await here.send("you@b.test")
            await here.until_quiet(hours=12)
            assert await told(here) == [("Undelivered: Hello", "failed")]

    asyncio.run(run())


@pytest.mark.parametrize(("notify", "kinds"), [("NEVER", []), ("DELAY", ["delayed"]),
                                               ("FAILURE", ["failed"]),
                                               ("SUCCESS", [])])  # fmt: skip
def test_who_asked_for_what(notify: str, kinds: list[str], data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            await here.send("you@dead.test", notify=notify)
            for _ in range(61):
                here.advance(hours=2)
                await here.run()
            assert await here.waiting() == []
            assert [kind for _, kind in await told(here)] == kinds

    asyncio.run(run())


def test_a_clock_that_jumps_returns_nothing_for_an_hour(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("RCPT", "451 4.2.0 Later")
            await here.send("you@dead.test")
            await here.run()
            here.clock.advance(days=30)  # the wall clock alone
            for _ in range(3):
                await here.clerk.sweep()
                here.advance(seconds=600)
            assert [one.seconds for one in events.of(ClockJumped)] == [30 * 86_400]
            assert len(await here.waiting()) == 1
            here.clock.advance(days=-30)  # it is put right
            await here.clerk.sweep()
            here.advance(hours=2)
            await here.clerk.sweep()
            assert len(await here.waiting()) == 1
            assert len(events.of(ClockJumped)) == 2
            here.advance(hours=130)
            await here.clerk.sweep()
            assert await here.waiting() == []

    asyncio.run(run())


def test_a_clock_that_jumps_returns_nothing_by_another_attempt(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("RCPT", "451 4.2.0 Later")
            await here.send("you@b.test")
            await here.run()
            here.clock.advance(days=30)  # the wall clock alone
            await here.run()
            await here.clerk.sweep()
            assert len(await here.waiting()) == 1
            assert [kind for _, kind in await told(here)] == ["delayed"]
            here.advance(hours=1)
            await here.clerk.sweep()
            assert [kind for _, kind in await told(here)] == ["delayed", "failed"]

    asyncio.run(run())


def test_after_a_year_ahead_everything_goes_on(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with station(database, data) as here:
            here.sink.fault("RCPT", "451 4.2.0 Later", times=3)
            await here.send("you@b.test")
            await here.send("you@dead.test")
            await here.run()
            here.clock.advance(days=365)
            await here.send("she@b.test")
            await here.run()
            here.clock.advance(days=-365)
            await here.send("he@b.test")  # its id is a year ahead, as all that follow
            await here.clerk.sweep()
            await here.until_quiet(hours=1)
            assert len(here.sink.received) == 3
            assert len(await here.waiting()) == 1
            await here.until_quiet(hours=4)
            await here.send("they@dead.test")
            await here.until_quiet(hours=125)
            assert await here.waiting() == []
            assert [kind for _, kind in await told(here)].count("failed") == 2

    asyncio.run(run())


def test_what_is_held_is_not_returned(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            ident = await here.send("you@b.test")
            await here.db.write(lambda tx: changes.hold(tx, [ident]))
            here.advance(hours=500)
            await here.run()
            assert len(await here.waiting()) == 1
            assert await told(here) == []

    asyncio.run(run())


def test_a_damaged_message_is_put_aside_and_not_returned(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            here.sink.fault("RCPT", "451 4.2.0 Later")
            await here.send("you@b.test")
            await here.send("me@b.test")
            here.advance(hours=3.95)
            await here.run()
            await here.db.write(
                lambda tx: tx.execute(
                    "UPDATE blob SET head = :head WHERE id = (SELECT min(id) FROM blob)",
                    head=b"rubbish",
                )
            )
            here.advance(hours=0.06)
            await here.clerk.sweep()
            assert len(await told(here)) == 1
            here.advance(hours=130)
            await here.clerk.sweep()
            assert [(one.recipient, one.status) for one in await here.waiting()] == [
                ("you@b.test", QUARANTINED)
            ]
            assert [kind for _, kind in await told(here)] == ["delayed", "failed"]
            assert await here.leases() == 0

    asyncio.run(run())


def test_more_than_one_step(data: Path, tmp_path: Path) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data, notices_per_hour=1000) as here:
            everybody = [f"u{number}@dead.test" for number in range(120)]
            await here.send(*everybody)
            for number in range(110):
                await here.send(f"v{number}@dead.test", notify="NEVER")
            here.advance(hours=121)
            await here.clerk.sweep()
            assert await here.waiting() == []
            assert [kind for _, kind in await told(here)] == ["failed", "failed"]  # 100 and 20

    asyncio.run(run())


def test_a_lease_that_can_not_be_ended_is_ended_the_next_time(data: Path, tmp_path: Path) -> None:
    """Else its messages would stay claimed for as long as this process lives."""

    class Failing:
        """A database whose second write of a sweep fails."""

        def __init__(self, inner: Database) -> None:
            self._inner = inner
            self.left = 1

        def __getattr__(self, name: str) -> object:
            return getattr(self._inner, name)

        async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
            if not bulk and self.left:
                self.left -= 1
                raise StorageFailed(detail="once")
            return await self._inner.write(fn, bulk=bulk)

    class Unloaded(Contents):
        async def load(self, works: Sequence[Claimed]) -> dict[int, Loaded | BlobCorrupt]:
            del works
            raise StorageFailed(detail="the disk")

    async def run() -> None:
        def change(services: Services) -> Services:
            services.contents.__class__ = Unloaded
            return dataclasses.replace(services, db=Failing(services.db))  # type: ignore[arg-type]

        async with station(alone(tmp_path), data, change=change) as here:
            await here.send("you@dead.test")
            here.advance(hours=121)
            with pytest.raises(StorageFailed):
                await here.clerk.sweep()
            assert await here.leases() == 1
            here.services.contents.__class__ = Contents
            await here.clerk.sweep()
            assert await here.leases() == 0
            assert await here.waiting() == []
            assert await told(here) == [("Undelivered: Hello", "failed")]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "code", "status", "rest"),
    [
        ("", 451, "4.4.1", "No server of the domain could be reached"),
        ("451 4.2.0 Mailbox is busy", 451, "4.2.0", "Mailbox is busy"),
        ("421 Busy", 421, "", "Busy"),
        ("450 4.2.0", 450, "4.2.0", ""),
        ("no reply at all", 451, "4.4.1", "no reply at all"),
        ("451", 451, "", ""),
        ("²²² 4.²0", 451, "4.4.1", "²²² 4.²0"),
    ],
)
def test_the_last_words(text: str, code: int, status: str, rest: str) -> None:
    one = msgspec.structs.replace(recipient(), last_reply=text)
    is_ours = status == "4.4.1"  # networks and routes: no server said it
    assert _last_words(one) == ServerReply(code, status, (rest,), is_local=is_ours)


@pytest.mark.parametrize("recipient", ["you@b.test", "you@dead.test"])
def test_what_a_backup_mx_keeps_waits_for_thirty_days(
    recipient: str, database: Opener, data: Path
) -> None:
    async def run() -> None:
        async with station(
            database, data, longest_retry_minutes=2_880, backup_mx_give_up_hours=240
        ) as here:
            here.sink.fault("RCPT", "451 4.2.0 Mailbox is busy")
            await here.send(recipient, patient=True, sender="s@stranger.test", origin=STRANGER)
            await here.send("other@dead.test")
            for hours in (100, 30):
                here.advance(hours=hours)
                await here.run()
            assert [one.recipient for one in await here.waiting()] == [recipient]
            for hours in (100, 9):
                here.advance(hours=hours)
                await here.run()
            assert [one.recipient for one in await here.waiting()] == [recipient]
            here.advance(hours=2)
            await here.run()
            assert await here.waiting() == []
            kinds = [kind for _, kind in await told(here)]  # alice is the postmaster as well
            assert kinds.count("failed") == 2
            assert here.sink.received == []  # and nobody else is told

    asyncio.run(run())
