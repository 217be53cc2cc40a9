import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import pytest

from postroom.access.guard import FAILURES_TO_BAN, Guard
from postroom.db.database import Database, Tx
from postroom.errors import StorageFailed
from postroom.policy import ban_rows, keeper as module, login_rows
from postroom.policy.bans import Ban, Bans
from postroom.policy.devices import DAY_MS, Devices
from postroom.policy.greylist import Greylist
from postroom.policy.keeper import Keeper
from postroom.policy.logins import Logins
from postroom.telemetry.events import StorageTrouble
from tests.conftest import Opener
from tests.directory.town import towns
from tests.fakes import Clock, Recorder

T = TypeVar("T")
ABUSE = Ban("198.51.100.0/24", "all", "abuse", 1000, by_hand=True)


class Watched(Bans):
    """Tells when it was told what is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.replaced = asyncio.Event()

    def replace(self, bans: Iterable[Ban]) -> None:
        super().replace(bans)
        self.replaced.set()


class Memory:
    """What one process knows."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self.bans, self.devices = Watched(), Devices()
        self.guard = Guard(clock, self.bans, self.devices)
        self.greylist = Greylist(300_000)
        self.logins = Logins()
        self.keeper = Keeper(db, clock, self.bans, self.devices, self.greylist, self.logins)


def test_bans_and_known_devices_outlive_a_restart(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            clock = Clock()
            before = Memory(db, clock)
            before.guard.succeeded("alice", "192.0.2.1")
            for number in range(FAILURES_TO_BAN):
                before.guard.failed(f"x{number}", "192.0.2.1")
                before.guard.failed(f"x{number}", "192.0.2.2")
            await before.keeper.close()
            after = Memory(db, clock)
            await after.keeper.load()
            assert after.guard.unwelcome("192.0.2.2")
            assert not after.guard.unwelcome("192.0.2.1")
            assert not after.guard.refusal("alice", "192.0.2.1")
            assert after.guard.refusal("bob", "192.0.2.1")
            clock.advance(seconds=61)
            assert not after.guard.unwelcome("192.0.2.2")

    asyncio.run(run())


def test_what_others_write_is_seen_at_the_next_look(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            clock = Clock()
            one = Memory(db, clock)
            one.bans.ban("192.0.2.1", "smtp", "harvest", 3600, clock())
            await one.keeper.flush()
            await db.write(lambda tx: ban_rows.put(tx, [ABUSE]))
            await one.keeper.look()
            assert one.bans.find("198.51.100.1", "login", clock())
            await db.write(lambda tx: ban_rows.remove(tx, [ABUSE.network, "192.0.2.1/32"]))
            await one.keeper.look()
            assert len(one.bans) == 0

    asyncio.run(run())


def test_a_ban_that_was_earned_here_and_taken_away_by_a_postmaster_ends(database: Opener) -> None:
    async def run() -> None:
        async with database() as db:
            clock = Clock()
            one = Memory(db, clock)
            await one.keeper.load()
            one.bans.ban("192.0.2.1", "smtp", "harvest", 3600, clock())
            await one.keeper.flush()
            await db.write(lambda tx: ban_rows.remove(tx, ["192.0.2.1/32"]))
            await one.keeper.look()
            assert len(one.bans) == 0  # though the table is as it was at the start

    asyncio.run(run())


def test_a_hint_is_followed_at_once(database: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 3600)

    async def run() -> None:
        async with database() as db:
            clock = Clock()
            one = Memory(db, clock)
            running = asyncio.create_task(one.keeper.run())
            one.devices.saw("alice", "192.0.2.1", clock())
            await db.write(lambda tx: ban_rows.put(tx, [ABUSE]))
            one.keeper.hint()
            async with asyncio.timeout(60):
                await one.bans.replaced.wait()
            assert len(one.bans) == 1
            assert not one.devices.changed  # it wrote before it looked
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


def test_from_time_to_time_it_looks_by_itself(
    database: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0)

    async def run() -> None:
        async with database() as db:
            one = Memory(db, Clock())
            await db.write(lambda tx: ban_rows.put(tx, [ABUSE]))
            running = asyncio.create_task(one.keeper.run())
            async with asyncio.timeout(60):
                await one.bans.replaced.wait()
            assert len(one.bans) == 1
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


class Broken:
    """A database that writes nothing for the first so many times."""

    engine = "sqlite"

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.writes = 0
        self.written = asyncio.Event()

    async def read(self, fn: Callable[[Tx], T]) -> T:
        raise StorageFailed

    async def write(self, fn: Callable[[Tx], T], *, bulk: bool = False) -> T:
        assert bulk
        self.writes += 1
        if self.writes <= self.failures:
            raise StorageFailed
        self.written.set()
        return None  # type: ignore[return-value]


def test_what_could_not_be_written_is_written_later(
    monkeypatch: pytest.MonkeyPatch, events: Recorder
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0)

    async def run() -> None:
        db, clock = Broken(failures=2), Clock()
        one = Memory(db, clock)  # type: ignore[arg-type]
        one.bans.ban("192.0.2.1", "smtp", "harvest", 60, clock())
        one.devices.saw("alice", "192.0.2.1", clock())
        running = asyncio.create_task(one.keeper.run())
        async with asyncio.timeout(60):
            await db.written.wait()
            await asyncio.sleep(0)
        assert not one.bans.changed
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert db.writes == 3
        assert not one.devices.changed
        assert len(events.of(StorageTrouble)) >= 2

    asyncio.run(run())


def test_an_end_without_a_database_is_an_end(events: Recorder) -> None:
    async def run() -> None:
        one = Memory(Broken(failures=1), Clock())  # type: ignore[arg-type]
        one.bans.ban("192.0.2.1", "smtp", "harvest", 60, 0)
        await one.keeper.close()

    asyncio.run(run())
    assert events.of(StorageTrouble)


def test_much_is_written_in_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)

    async def run() -> None:
        db, clock = Broken(failures=0), Clock()
        one = Memory(db, clock)  # type: ignore[arg-type]
        for number in range(25):
            one.bans.ban(f"192.0.2.{number}", "smtp", "harvest", 60, clock())
        one.devices.saw("alice", "192.0.2.1", clock())
        await one.keeper.flush()
        assert db.writes == 3
        assert not one.bans.changed
        assert not one.devices.changed

    asyncio.run(run())


def test_nothing_is_written_when_nothing_happened() -> None:
    async def run() -> None:
        db, clock = Broken(failures=0), Clock()
        one = Memory(db, clock)  # type: ignore[arg-type]
        await one.keeper.flush()
        one.devices.saw("alice", "192.0.2.1", clock())
        await one.keeper.flush()
        clock.advance(DAY_MS - 1)
        one.devices.saw("alice", "192.0.2.1", clock())
        await one.keeper.flush()
        assert db.writes == 1

    asyncio.run(run())


def test_logins_are_written_in_time_and_the_rest_at_the_end(database: Opener, data: Path) -> None:
    async def run() -> None:
        async with towns(database, data)() as town:
            await town.domain("demo.test")
            ann = await town.account("ann@demo.test")
            clock = Clock()
            one = Memory(town.db, clock)

            async def times() -> list[int]:
                rows = await town.db.read(lambda tx: login_rows.newest(tx, ann.id, limit=9))
                return [row.times for row in rows]

            def enter() -> None:
                one.logins.entered(
                    ann.id, 0, clock(), door="imap", address="192.0.2.1", mechanism="OAUTH"
                )

            enter()
            enter()
            await one.keeper.flush()
            assert await times() == [2]
            enter()
            await one.keeper.flush()
            assert await times() == [2]
            await one.keeper.close()
            assert await times() == [3]

    asyncio.run(run())


def test_many_guesses_are_written_in_pieces_and_those_at_nobody_not_at_all(
    database: Opener, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOGINS", 3)

    async def run() -> None:
        async with towns(database, data)() as town:
            await town.domain("demo.test")
            ann = await town.account("ann@demo.test")
            clock = Clock()
            one = Memory(town.db, clock)
            for number in range(8):
                for login in ("ann@demo.test", f"nobody{number}@demo.test", "root"):
                    one.logins.failed(
                        login, clock(), door="imap", address=f"192.0.2.{number}", mechanism="PLAIN"
                    )
            await one.keeper.flush()
            assert not one.logins.changed
            found = await town.db.read(lambda tx: login_rows.newest(tx, ann.id, limit=99))
            assert len({row.address for row in found}) == 8
            assert await town.db.read(lambda tx: tx.all("SELECT count(*) FROM login")) == [(8,)]

    asyncio.run(run())
