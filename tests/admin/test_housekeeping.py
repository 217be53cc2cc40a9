import asyncio
from pathlib import Path

import pytest

from postroom.admin.housekeeping import MINUTE, ROUNDS_OF_ALL, Housekeeping
from postroom.admin.office import Office
from postroom.admin.open import open_office
from postroom.config.model import Config
from postroom.errors import StorageFailed
from postroom.store.spans import Span
from postroom.telemetry import sink
from postroom.telemetry.events import StorageTrouble
from tests.access.shop import put
from tests.fakes import Recorder


async def tidy(office: Office) -> None:
    keeping = Housekeeping(office)
    await keeping.once(keeping.jobs)


LETTER = b"Subject: hello\r\n\r\n" + b"x" * 100 + b"\r\n"


def test_what_nobody_names_is_freed_after_a_day(data: Path) -> None:
    async def run() -> None:
        async with open_office(Config(hostname="mail.demo.test", data=str(data))) as office:
            (filed,) = await put(office.store, LETTER)
            await tidy(office)
            await office.store.expunge(1, filed.mailbox_id, Span(1, 1), flagged=False)
            await tidy(office)
            assert await office.db.read(lambda tx: tx.one("SELECT COUNT(*) FROM blob")) == (1,)
            await office.db.write(lambda tx: tx.execute("UPDATE blob SET freed_at = 1"))
            await tidy(office)
            assert await office.db.read(lambda tx: tx.one("SELECT COUNT(*) FROM blob")) == (0,)

    asyncio.run(run())


def test_a_job_that_fails_does_not_stop_the_others(data: Path) -> None:
    async def run() -> None:
        async with open_office(Config(hostname="mail.demo.test", data=str(data))) as office:
            done: list[str] = []

            async def fails() -> None:
                raise StorageFailed(detail="no disk")

            async def works() -> None:
                done.append("worked")

            keeping = Housekeeping(office)
            recorder = Recorder()
            before = sink.install(recorder)
            try:
                await keeping.once({"first": fails, "second": works})
            finally:
                sink.install(before)
            assert done == ["worked"]
            (told,) = recorder.of(StorageTrouble)
            assert told.where == "housekeeping: first"

    asyncio.run(run())


def test_all_jobs_come_back_every_hour_and_some_each_minute(data: Path) -> None:
    class Enough(Exception):
        pass

    async def run() -> None:
        async with open_office(Config(hostname="mail.demo.test", data=str(data))) as office:
            done: list[str] = []

            async def rarely() -> None:
                done.append("rarely")

            async def often() -> None:
                done.append("often")

            async def sleep(seconds: float) -> None:
                assert seconds == MINUTE
                if len(done) > 2 * ROUNDS_OF_ALL:
                    raise Enough

            keeping = Housekeeping(office)
            keeping.jobs = {"a": rarely}
            keeping.frequent_jobs = {"b": often}
            with pytest.raises(Enough):
                await keeping.run(sleep)
            assert done[: ROUNDS_OF_ALL + 2] == ["rarely", *["often"] * ROUNDS_OF_ALL, "rarely"]

    asyncio.run(run())
