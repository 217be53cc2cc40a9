from collections.abc import Callable
from datetime import UTC, datetime

from postroom.admin import domains, overview
from postroom.admin.certificates import CertificateView
from postroom.admin.office import Office
from postroom.admin.overview import _about_certificates
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
