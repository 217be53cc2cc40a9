"""The rounds in which a server looks after itself."""

import asyncio
import dataclasses
from typing import Any

import msgspec
import pytest

from postroom.admin.office import Office
from postroom.admin.watch import rounds
from postroom.config.alerts import Alerts
from postroom.config.model import Dns
from postroom.telemetry.events import StorageTrouble
from tests.admin.test_housekeeping import Tell
from tests.admin.test_reporting import post
from tests.fakes import Clock, Recorder
from tests.policy.zone import Zone


def test_rounds_go_on_after_a_failure(
    tell: Tell, events: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        paused: list[float] = []
        done: list[str] = []

        async def sleep(seconds: float) -> None:
            paused.append(seconds)
            if len(paused) == 3:
                raise asyncio.CancelledError

        async def fails() -> None:
            raise OSError("no disk")

        async def works() -> None:
            done.append("works")

        monkeypatch.setattr(rounds, "duties", lambda *_: {"bad": fails, "good": works})
        names: Any = Zone()
        with pytest.raises(asyncio.CancelledError):
            await rounds.run(office, post(office), names, sleep)
        assert paused == [rounds.INTERVAL] * 3
        assert done == ["works", "works"]
        assert [one.where for one in events.of(StorageTrouble)] == ["bad", "bad"]

    tell(story)


def test_what_is_switched_off_is_no_duty(tell: Tell, events: Recorder) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        names: Any = Zone()

        def duties(alerts: Alerts) -> set[str]:
            config = msgspec.structs.replace(office.config, alerts=alerts)
            quiet = dataclasses.replace(office, config=config)
            return set(rounds.duties(quiet, post(office), names))

        assert "alerts" in duties(Alerts())
        assert "alerts" not in duties(Alerts(mail=False))
        assert "status letter" in duties(Alerts())
        assert "status letter" not in duties(Alerts(letter=False))
        config = msgspec.structs.replace(office.config, dns=Dns(public_addresses=("10.0.0.1",)))
        inner = dataclasses.replace(office, config=config)
        await rounds.once(rounds.duties(inner, post(inner), names))
        assert not events.of(StorageTrouble)

    tell(story)
