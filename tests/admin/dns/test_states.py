"""What the last check of a domain has found."""

from typing import Literal

import msgspec

from postroom.admin import domains, overview
from postroom.admin.dns import states
from postroom.admin.dns.states import Lacking
from postroom.admin.dns.table import Row
from postroom.admin.office import Office
from tests.admin.test_housekeeping import Tell
from tests.directory.keys import quick
from tests.fakes import Clock

MX = Row(name="demo.test", type="MX", value="10 mx.", use="incoming mail", need="required")
SRV = Row(name="_imaps.demo.test", type="SRV", value="x", use="programs", need="recommended")


def found(state: Literal["ok", "missing", "different", "unknown"]) -> list[Row]:
    return [msgspec.structs.replace(one, state=state) for one in (MX, SRV)]


def test_it_lowers_the_health_until_it_is_right(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for name in ("demo.test", "other.test"):
            await domains.add(office, name, generate=quick)
        assert await states.lacking(office) == ()
        await states.note(office, "demo.test", found("unknown"))
        assert await states.lacking(office) == ()
        for state in ("missing", "unknown", "different", "unknown"):
            await states.note(office, "demo.test", found(state))
            assert await states.lacking(office) == (
                Lacking("demo.test", ("MX demo.test (incoming mail)",)),
            )
        shown = await overview.show(office)
        assert "dns demo.test" in [one.about for one in shown.health.lacks]
        assert shown.alerts == ()  # the status letter tells of it
        await states.note(office, "demo.test", found("ok"))
        assert await states.lacking(office) == ()

    tell(story)


def test_a_domain_that_is_gone_lacks_nothing(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await states.note(office, "demo.test", found("missing"))
        await domains.remove(office, "demo.test")
        assert await states.lacking(office) == ()

    tell(story)
