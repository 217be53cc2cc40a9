import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from postroom.admin import domains, overview
from postroom.admin.certificates import CertificateView
from postroom.admin.office import Office
from postroom.admin.overview import _about_certificates, _about_queue
from postroom.admin.queue import StatsView
from postroom.config.model import Limits
from tests.admin.bureau import Story
from tests.fakes import Clock


def test_a_new_server_is_well(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test")
        found = await overview.show(office)
        assert (found.domains, found.accounts, found.aliases) == (1, 0, 0)
        assert len(found.hours) == overview.HOURS
        assert found.alerts == ()
        assert 0 < found.free <= found.size

    tell(story)


def test_certificates_that_are_not_renewed_are_worth_an_alert() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)

    def held(expires: datetime | None, problem: str) -> CertificateView:
        return CertificateView("mx.test", (), "", None, expires, now, problem)

    def alerts(one: CertificateView) -> int:
        return len(_about_certificates((one,), int(now.timestamp() * 1000)))

    assert alerts(held(datetime(2027, 1, 26, tzinfo=UTC), "")) == 0
    assert alerts(held(datetime(2026, 12, 1, tzinfo=UTC), "refused")) == 1
    assert alerts(held(None, "refused")) == 1
    assert alerts(held(None, "")) == 0


def test_alerts_are_known_again_when_their_text_has_changed(tell: Callable[[Story], None]) -> None:
    def waits(hours: int) -> list[tuple[str, bool]]:
        oldest = datetime(2026, 11, 26, tzinfo=UTC)
        stats = StatsView(1, 0, 1, 0, oldest, 1, ())
        now = int(oldest.timestamp() * 1000) + hours * overview.HOUR_MS
        return [(one.about, one.is_of_machine) for one in _about_queue(stats, now)]

    async def story(office: Office, _clock: Clock) -> None:
        assert waits(3) == [("quarantine", False)]
        assert waits(4) == waits(40) == [("quarantine", False), ("queue", False)]
        config = msgspec.structs.replace(office.config, limits=Limits(disk_reserve=1 << 50))
        (disk,) = await overview.alerts(dataclasses.replace(office, config=config))
        assert (disk.about, disk.is_of_machine) == ("disk", True)

    tell(story)
