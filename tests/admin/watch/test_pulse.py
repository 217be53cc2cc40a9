"""The health of the server as figures."""

import asyncio
from collections.abc import Callable

from postroom.admin import accounts, domains, overview
from postroom.admin.office import Office
from postroom.admin.watch import health
from postroom.admin.watch.pulse import MEASURED_MS, Pulse
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock


def test_the_figures_are_those_of_the_overview(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        pulse = Pulse(office)
        judged = health.judge(await overview.measure(office))
        assert await pulse.figures() == {
            "health": judged.score,
            "health_lacks": len(judged.lacks),
            "health_alerts": sum(one.urgent for one in judged.lacks),
        }
        before = await pulse.figures()
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "root@demo.test", password="secret-One-1", admin=True)
        clock.advance(MEASURED_MS - 1)
        assert await pulse.figures() == before
        clock.advance(1)
        first, second = await asyncio.gather(pulse.figures(), pulse.figures())
        assert first is second
        judged = health.judge(await overview.measure(office))
        assert first["health"] == judged.score
        clock.advance(days=-1)  # the clock was wrong
        assert await pulse.figures() is not first

    tell(story)
