import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from postroom.admin.office import Office
from postroom.admin.tls.renewal import Renewal
from postroom.directory import certificates as rows
from postroom.directory.sealing import seal
from postroom.errors import ConfigurationError
from postroom.net.dns import Resolver
from postroom.net.tls import Named
from postroom.notify import CHALLENGES
from postroom.telemetry.events import JobFailed, StorageTrouble
from tests.admin.tls.test_certificates import CONFIG, tell
from tests.conftest import Opener
from tests.fakes import Clock, Recorder


async def hold(office: Office, issued: int) -> None:
    sealed = seal(office.directory.secrets.seal, b"key", rows.context("mx.demo.test"))
    await office.db.write(lambda tx: rows.want(tx, "mx.demo.test", sealed, 0))
    await office.db.write(
        lambda tx: rows.put(
            tx,
            "mx.demo.test",
            ["mx.demo.test"],
            "chain",
            issued=issued,
            expires=1 << 50,
            due=1 << 50,
        )
    )


def test_what_another_process_has_ordered_is_handed_to_the_doors_once(
    database: Opener, data: Path
) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        shown: list[Sequence[Named]] = []
        renewal = Renewal(office, resolver, shown.append)
        assert not await renewal.refresh()
        await hold(office, 1)
        assert await renewal.refresh()
        assert not await renewal.refresh()
        assert shown == [[Named(("mx.demo.test",), b"chain", b"key")]]
        await hold(office, 2)
        assert await renewal.refresh()
        assert len(shown) == 2

    tell(database, data, story)


def test_trouble_is_told_and_it_goes_on(database: Opener, data: Path, events: Recorder) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        def install(_named: Sequence[Named]) -> None:
            raise ConfigurationError("tls: can't be used")

        rounds: list[float] = []

        async def sleep(seconds: float) -> None:
            rounds.append(seconds)
            if len(rounds) == 3:
                raise asyncio.CancelledError

        await hold(office, 1)
        with pytest.raises(asyncio.CancelledError):
            await Renewal(office, resolver, install).run(sleep)
        told = [one.reason for one in events.of(StorageTrouble) if one.where == "certificates"]
        assert sum("can't be used" in reason for reason in told) == 5  # it is tried again each time
        assert len(told) == 5
        (failed,) = events.of(JobFailed)  # "chain" is no certificate: there is nothing to publish
        assert failed.job == "certificates"

    assert CONFIG.acme.accept_terms
    tell(database, data, story)


def test_what_is_to_be_proven_is_handed_over_at_a_hint(database: Opener, data: Path) -> None:
    async def story(office: Office, resolver: Resolver, _clock: Clock) -> None:
        shown: list[Mapping[str, str]] = []
        came, began = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def prove(answers: Mapping[str, str]) -> None:
            shown.append(answers)
            loop.call_soon_threadsafe(came.set)

        async def sleep(_seconds: float) -> None:
            began.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(Renewal(office, resolver, lambda _named: None, prove).run(sleep))
        await began.wait()
        now = office.now()
        await office.db.write(
            lambda tx: rows.put_challenge(tx, "mx.demo.test", "answer", now, "tls-alpn-01")
        )
        office.notify.publish([CHALLENGES])
        await came.wait()
        assert shown == [{"mx.demo.test": "answer"}]
        came.clear()
        await office.db.write(lambda tx: rows.remove_challenge(tx, "mx.demo.test"))
        office.notify.publish([CHALLENGES])
        await came.wait()
        assert shown[1:] == [{}]
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert CHALLENGES not in office.notify.watched()

    tell(database, data, story)
