"""The audit log, as a postmaster reads it."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from postroom.admin import audit, bans, domains
from postroom.admin.actor import Actor, acting
from postroom.admin.office import Office
from postroom.config.audit import Audit
from tests.admin.bureau import Story
from tests.admin.dns.test_table import configured
from tests.directory.keys import quick
from tests.fakes import Clock


def test_it_is_read_by_who_what_and_when(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with acting(Actor("command", "ann")):
            await domains.add(office, "demo.test", generate=quick)
        clock.advance(days=1)
        began = datetime.fromtimestamp(clock() / 1000, UTC)
        for network in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
            await bans.add(office, network)
        assert [one.object async for one in audit.every(office, actor="ann")] == ["demo.test"]
        assert len([one async for one in audit.every(office, since=began)]) == 3
        (one,) = [one async for one in audit.every(office, of="192.0.2.2")]
        assert (one.action, one.at) == ("ban.add", began.replace(microsecond=0))
        first = await audit.page(office, size=3)
        assert (len(first.items), first.total) == (3, 4)
        last = await audit.page(office, after=first.next)
        assert ([one.object for one in last.items], last.next) == (["demo.test"], "")

    tell(story)


def test_it_is_kept_as_long_as_the_settings_say(tell: Callable[[Story], None]) -> None:
    async def story(opened: Office, clock: Clock) -> None:
        settings = msgspec.structs.replace(opened.config, audit=Audit(keep_days=10))
        office = configured(opened, settings)
        await bans.add(office, "192.0.2.1")
        clock.advance(days=9)
        await bans.add(office, "192.0.2.2")
        await audit.purge(office)
        assert (await audit.page(office)).total == 2
        clock.advance(days=2)
        await audit.purge(office)
        assert [one.object async for one in audit.every(office)] == ["192.0.2.2"]

    tell(story)
