"""Messages that we fail over, and damaged ones: they wait, or are put aside. Nothing vanishes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.blobs.store import BlobCorrupt
from postroom.db.ids import to_text
from postroom.delivery.content import Contents, Loaded
from postroom.delivery.parcel import Parcel
from postroom.delivery.services import Services
from postroom.errors import StorageFailed
from postroom.protocol.smtp.extensions import Extensions
from postroom.queue import changes
from postroom.queue.claimed import Recipient
from postroom.queue.rows import QUARANTINED, WAITING
from postroom.telemetry.events import DeliveryFailed, MessageQuarantined
from tests.conftest import Opener
from tests.delivery.station import OCTETS, alone, station
from tests.fakes import Recorder
from tests.post.office import bytes_of


class Poisoned(Contents):
    """Fails over messages whose subject says so."""

    error: Exception = ZeroDivisionError("poison")

    async def prepare(
        self, loaded: Loaded, recipients: Sequence[Recipient], extensions: Extensions, key: int
    ) -> Parcel:
        if b"Subject: poison" in loaded.head:
            raise self.error
        return await super().prepare(loaded, recipients, extensions, key)


def poisoned(error: Exception) -> "type[Poisoned]":
    class With(Poisoned):
        pass

    With.error = error
    return With


POISON = OCTETS.replace(b"Subject: Hello", b"Subject: poison")


def test_a_poisonous_message_is_put_aside_the_second_time(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        def change(services: Services) -> Services:
            services.contents.__class__ = Poisoned
            return services

        async with station(database, data, change=change) as here:
            ident = await here.send("you@b.test", "me@c.test", octets=POISON)
            other = await here.send("good@b.test")
            await here.run()
            assert [one.recipients for one in here.sink.taken] == [["good@b.test"]]
            assert [(one.status, one.attempts) for one in await here.waiting()] in (
                [(WAITING, 0), (WAITING, 0)],
                [(QUARANTINED, 0), (QUARANTINED, 0)],  # both ways failed over it
            )
            await here.until_quiet()
            assert [one.status for one in await here.waiting()] == [QUARANTINED] * 2
            assert "ZeroDivisionError: poison" in events.of(DeliveryFailed)[0].traceback
            [told] = events.of(MessageQuarantined)
            assert told.queue_id == to_text(ident)
            assert await here.leases() == 0
            assert await here.inbox(here.alice) == []
            assert ("delivered", "good@b.test") in [
                (kind, who) for kind, who, _ in await here.facts(other)
            ]
            await here.db.write(lambda tx: changes.release(tx, [ident]))
            here.services.contents.__class__ = Contents
            await here.until_quiet()
            assert len(here.sink.taken) == 3

    asyncio.run(run())


def test_a_trouble_of_ours_is_no_fault_of_the_message(
    data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        def change(services: Services) -> Services:
            services.contents.__class__ = poisoned(StorageFailed(detail="the disk"))
            return services

        async with station(alone(tmp_path), data, change=change) as here:
            await here.send("you@b.test", octets=POISON)
            for _ in range(4):
                await here.run()
                [one] = await here.waiting()
                assert (one.status, one.attempts) == (WAITING, 0)
                assert one.next_attempt - here.clock() == 5 * 60_000
                here.advance(seconds=300)
            assert events.of(MessageQuarantined) == []
            assert all("the disk" in one.traceback for one in events.of(DeliveryFailed))

    asyncio.run(run())


@pytest.mark.parametrize("is_large", [False, True])
def test_a_damaged_message_is_put_aside_at_once(
    is_large: bool,
    data: Path,
    tmp_path: Path,
    events: Recorder,
) -> None:
    async def run() -> None:
        async with station(alone(tmp_path), data) as here:
            lines = [bytes_of(one, 36).hex().encode() + b"\r\n" for one in range(5_000)]
            octets = OCTETS + b"".join(lines) if is_large else OCTETS
            ident = await here.send("you@b.test", octets=octets, origin=1)
            await here.send("good@b.test")
            if is_large:
                [path] = [one for one in (data / "blobs").rglob("*") if one.is_file()]
                damaged = bytearray(path.read_bytes())
                damaged[-200] ^= 0xFF
                path.chmod(0o600)
                path.write_bytes(damaged)
            else:
                await here.db.write(
                    lambda tx: tx.execute(
                        "UPDATE blob SET head = :head WHERE id ="
                        " (SELECT blob_id FROM queued WHERE id = :id)",
                        head=b"rubbish",
                        id=ident,
                    )
                )
            await here.until_quiet()
            assert [(one.recipient, one.status) for one in await here.waiting()] == [
                ("you@b.test", QUARANTINED)
            ]
            assert [one.recipients for one in here.sink.received] == [["good@b.test"]]
            assert [one.queue_id for one in events.of(MessageQuarantined)] == [to_text(ident)]
            assert await here.inbox(here.alice) == []
            assert await here.leases() == 0

    asyncio.run(run())


class Unreadable(Contents):
    """Large messages can't be read to their end."""

    error: Exception = ZeroDivisionError("in the middle")

    async def prepare(
        self, loaded: Loaded, recipients: Sequence[Recipient], extensions: Extensions, key: int
    ) -> Parcel:
        found = await super().prepare(loaded, recipients, extensions, key)
        error = self.error

        async def stream():  # type: ignore[no-untyped-def]
            yield b"Subject: half\r\n\r\n"
            raise error

        return Parcel(key, found.transaction, None, stream)


@pytest.mark.parametrize(
    ("error", "times"),
    [(ZeroDivisionError("x"), 2), (StorageFailed(detail="x"), 0), (BlobCorrupt(detail="x"), 1)],
)
def test_a_fault_in_the_middle_of_a_message(
    error: Exception, times: int, data: Path, tmp_path: Path, events: Recorder
) -> None:
    async def run() -> None:
        class Faulty(Unreadable):
            pass

        Faulty.error = error

        def change(services: Services) -> Services:
            services.contents.__class__ = Faulty
            return services

        async with station(alone(tmp_path), data, change=change) as here:
            await here.send("you@b.test")
            for number in range(1, 4):
                await here.run()
                [one] = await here.waiting()
                is_aside = bool(times) and number >= times
                assert one.status == (QUARANTINED if is_aside else WAITING)
                here.advance(seconds=1200)
            assert here.sink.received == []
            assert len(events.of(MessageQuarantined)) == bool(times)

    asyncio.run(run())
