"""Keys that appear in the zone and leave it by themselves."""

from pathlib import Path

from postroom.admin import dkim
from postroom.admin.dns import keeping, providers, update
from postroom.admin.office import Office
from postroom.db.database import Tx
from postroom.directory.dkim_keys import PUBLISHED_MS
from postroom.net.dns import Resolver
from postroom.telemetry.events import ZoneChanged, ZoneFailed
from rig.providers import Desec
from tests.admin.dns.test_update import tell
from tests.conftest import Opener
from tests.fakes import Clock, Recorder


def keys(api: Desec) -> set[str]:
    return {name for name, _ in api.rrsets if "_domainkey" in name}


def test_keys_are_published_and_withdrawn(database: Opener, data: Path, events: Recorder) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        await update.apply(office, "demo.test", resolver=resolver)
        old = keys(api)
        await dkim.rotate(office, "demo.test")
        await keeping.publish(office, ["demo.test"], {"DKIM"}, resolver=resolver)
        assert len(keys(api)) == 4
        (changed,) = events.of(ZoneChanged)
        assert (changed.domain, changed.provider, changed.uses) == ("demo.test", "home", ("DKIM",))
        await keeping.publish(office, ["demo.test"], {"DKIM"}, resolver=resolver)
        assert len(events.of(ZoneChanged)) == 1
        await dkim.activate(office, [key.id for key in await dkim.waiting(office)])
        clock = office.clock
        assert isinstance(clock, Clock)
        await keeping.withdraw_keys(office, resolver=resolver)
        assert len(keys(api)) == 4
        clock.advance(PUBLISHED_MS + 1)
        kept = api.rrsets["", "MX"]
        await keeping.withdraw_keys(office, resolver=resolver)
        assert len(keys(api)) == 2
        assert not keys(api) & old
        assert api.rrsets["", "MX"] == kept
        await keeping.withdraw_keys(office, resolver=resolver)

    tell(database, data, story)


def test_another_text_at_the_name_of_an_old_key_stays(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        await dkim.ensure_keys(office, "demo.test")
        await dkim.rotate(office, "demo.test", at_once=True)
        clock = office.clock
        assert isinstance(clock, Clock)
        clock.advance(PUBLISHED_MS + 1)
        for key in await dkim.expired(office):
            api.rrsets[key.record_name.removesuffix(".demo.test"), "TXT"] = ['"v=DKIM1; p=AAAA"']
        before = dict(api.rrsets)
        await keeping.withdraw_keys(office, resolver=resolver)
        assert api.rrsets == before

    tell(database, data, story)


def test_failures_are_told_and_stop_nothing(database: Opener, data: Path, events: Recorder) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        await dkim.ensure_keys(office, "demo.test")
        await dkim.rotate(office, "demo.test", at_once=True)
        clock = office.clock
        assert isinstance(clock, Clock)
        clock.advance(PUBLISHED_MS + 1)
        api.fault = 503, {}, {}
        await keeping.publish(office, ["other.test", "demo.test"], {"DKIM"}, resolver=resolver)
        await keeping.withdraw_keys(office, resolver=resolver)
        assert [one.domain for one in events.of(ZoneFailed)] == ["demo.test", "demo.test"]

    tell(database, data, story)


def test_without_a_provider_nothing_is_asked(database: Opener, data: Path) -> None:
    async def story(office: Office, api: Desec, resolver: Resolver) -> None:
        await keeping.publish(office, ["demo.test"], {"DKIM"}, resolver=resolver)
        await keeping.withdraw_keys(office, resolver=resolver)
        assert api.asked == []
        assert await providers.every(office) == []

        def count(tx: Tx) -> int:
            row = tx.one("SELECT count(*) FROM dns_provider")
            return int(row[0]) if row else -1

        assert await office.db.read(count) == 0

    tell(database, data, story, has_provider=False)
