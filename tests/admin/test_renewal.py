import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from postroom.admin.office import Office
from postroom.admin.renewal import Renewal
from postroom.directory import certificates as rows
from postroom.directory.sealing import seal
from postroom.errors import ConfigurationError
from postroom.net.dns import Resolver
from postroom.net.tls import Named
from tests.admin.test_certificates import CONFIG, tell
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
        told = [one for one in events if getattr(one, "where", "") == "certificates"]
        assert len(told) == 4  # it is tried again each time
        assert "can't be used" in told[0].reason  # type: ignore[attr-defined]

    assert CONFIG.acme.accept_terms
    tell(database, data, story)
