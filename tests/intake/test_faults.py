"""What is left after faults, refusals and broken connections: nothing."""

import asyncio
import errno
from pathlib import Path

import pytest

from postroom.blobs.store import BlobStore
from postroom.errors import OutcomeUnknown, StorageFailed
from postroom.protocol.smtp import replies
from postroom.telemetry.session_events import MessageAccepted, MessageRefused, SessionFailed
from tests.conftest import Opener, _sqlite
from tests.fakes import Recorder
from tests.intake.desk import (
    LARGE,
    LETTER,
    Blocks,
    desk,
    mail,
    nothing_left,
    rcpt,
    said,
    send,
)


@pytest.mark.parametrize("ending", ["reset", "close", "greet", "mail"])
@pytest.mark.parametrize("octets", [LETTER, LARGE + LARGE * 4])
def test_an_unfinished_letter_leaves_nothing(
    database: Opener, data: Path, ending: str, octets: bytes
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            one = here.open()
            await one.mail(mail())
            await one.rcpt(rcpt("bob@local.test"))
            await one.data()
            for block in Blocks(50_000)(octets):
                await one.content(block)
            assert bool(here.files()) is (len(octets) > 1 << 20)
            if ending == "reset":
                one.reset()
            elif ending == "greet":
                await one.greet("again", esmtp=True)
            elif ending == "mail":
                await one.mail(mail())
            if ending == "close":
                await one.close()
                await nothing_left(here)
            else:
                (answer,) = await send(one, "alice@local.test")
                assert said(answer) == "250 2.0.0"
                assert here.files() == []
            assert await here.inbox(here.bob) == []

    asyncio.run(run())


class Broken:
    """Every question to it fails: a mistake of ours."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"{name} is broken")


def test_a_fault_costs_a_retry_and_nothing_else(
    database: Opener, data: Path, events: Recorder
) -> None:
    async def run() -> None:
        async with desk(database, data) as here:
            sound = here.services
            here.change(directory=Broken())
            one = await here.logged_in(here.bob)
            assert await one.mail(mail("bob@local.test")) == replies.LOCAL_ERROR
            assert await one.vrfy("bob") == replies.LOCAL_ERROR
            assert await one.expn("bob") == replies.LOCAL_ERROR
            stranger = here.open()
            assert said(await stranger.mail(mail())) == "250 2.1.0"
            assert await stranger.rcpt(rcpt("bob@local.test")) == replies.LOCAL_ERROR
            here.services = sound
            here.change(ids=Broken())
            last = here.open()
            assert await send(last, "bob@local.test", octets=LARGE) == [replies.LOCAL_ERROR]
            here.services = sound
            here.change(blobs=Broken())
            last = here.open()
            assert await send(last, "bob@local.test", octets=LARGE) == [replies.LOCAL_ERROR]
            await nothing_left(here)

    asyncio.run(run())
    told = events.of(SessionFailed)
    assert len(told) == 6
    assert all("is broken" in event.traceback and event.session == "s1" for event in told)


def test_a_failing_disk_is_answered_at_the_end(database: Opener, data: Path) -> None:
    """F1, F2: the octets are swallowed, the reply comes at the dot."""

    async def run() -> None:
        async with desk(database, data) as here:
            one = here.open()
            await one.mail(mail())
            await one.rcpt(rcpt("bob@local.test"))
            (data / "blobs").write_bytes(b"")  # where a folder should be
            for block in Blocks(100_000)(LARGE * 6):
                await one.content(block)
            (answer,) = await one.end(None)
            assert said(answer) == "451 4.3.0"
            assert await here.counts() == {}
            (answer,) = await send(one, "bob@local.test")
            assert said(answer) == "250 2.0.0"

    asyncio.run(run())


@pytest.mark.parametrize("at", ["written", "synced", "renamed"])
@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, "452 4.3.1"), (errno.EIO, "451 4.3.0")]
)
def test_a_body_that_can_t_be_made_durable_is_refused(
    data: Path, tmp_path: Path, at: str, number: int, expected: str
) -> None:
    async def run() -> None:
        async with desk(lambda: _sqlite(tmp_path / "db"), data) as here:
            fails = True

            def step(name: str) -> None:
                if fails and name == at:
                    raise OSError(number, "no")

            here.change(blobs=BlobStore(data, "sqlite", here.ids, step=step))
            one = here.open()
            (answer,) = await send(one, "bob@local.test", octets=LARGE * 6)
            assert said(answer) == expected
            assert await here.counts() == {}
            assert len(here.files()) == (at == "renamed")  # durable or not? the sweep takes it
            fails = False
            (answer,) = await send(one, "bob@local.test", octets=LARGE * 6)
            assert said(answer) == "250 2.0.0"

    asyncio.run(run())


def test_a_commit_that_fails_is_no_250(database: Opener, data: Path, events: Recorder) -> None:
    class Failing:
        async def commit(self, letter: object) -> None:
            raise StorageFailed(detail="the disk is gone")

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(post=Failing())
            (answer,) = await send(here.open(), "bob@local.test")
            assert said(answer) == "451 4.3.0"
            await nothing_left(here)

    asyncio.run(run())
    assert [event.reason for event in events.of(MessageRefused)] == ["the disk is gone"]
    assert events.of(MessageAccepted) == []


def test_a_commit_of_which_nobody_knows_gets_no_reply(
    database: Opener, data: Path, events: Recorder
) -> None:
    class Doubtful:
        async def commit(self, letter: object) -> None:
            raise OutcomeUnknown(detail="the disk is gone")

    async def run() -> None:
        async with desk(database, data) as here:
            here.change(post=Doubtful())
            with pytest.raises(OutcomeUnknown):
                await send(here.open(), "bob@local.test")

    asyncio.run(run())
    assert events.of(MessageRefused) == []
    assert events.of(MessageAccepted) == []
