import dataclasses
from collections.abc import Callable

import msgspec

from postroom.admin import accounts, domains, overview, roles
from postroom.admin.backup import layout
from postroom.admin.office import Office
from postroom.config.backup import Backup
from postroom.config.model import Limits
from postroom.db.locks import ServeLock
from postroom.ledger import rows
from postroom.ledger.rows import Entry
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock


def test_a_new_server_is_well(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        found = await overview.show(office)
        assert (found.domains, found.accounts, found.aliases) == (1, 0, 0)
        assert len(found.hours) == overview.HOURS
        assert found.alerts == ()
        assert 0 < found.free <= found.size

    tell(story)


def test_what_is_urgent_is_an_alert(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        config = msgspec.structs.replace(office.config, limits=Limits(disk_reserve=1 << 50))
        full = dataclasses.replace(office, config=config)
        (disk,) = await overview.alerts(full)
        assert (disk.about, disk.is_of_machine) == ("disk", True)
        found = await overview.show(full)
        assert found.alerts == (disk,)
        assert [one.about for one in found.health.lacks if not one.urgent] == ["backup", "owner"]
        assert found.health.score == 100 - 50 - 10 - 5

    tell(story)


def test_owners_and_backups_are_measured(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "ann@demo.test", password=None)
        await roles.assign(office, "ann@demo.test", "owner")
        root = office.config.folder / "backups"
        config = msgspec.structs.replace(office.config, backup=Backup(path=str(root), every=1))
        office = dataclasses.replace(office, config=config)
        measured = await overview.measure(office)
        assert (measured.owners, measured.unguarded) == (1, 1)
        assert measured.backups.last is None
        taken = root / "20260921T141320Z"
        taken.mkdir(parents=True)
        (taken / layout.MANIFEST).write_text("")
        assert (await overview.measure(office)).backups.last == clock.now
        clock.advance(seconds=7201)
        assert [one.about for one in await overview.alerts(office)] == ["late backup"]

    tell(story)


def test_a_command_sees_whether_the_server_runs(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        assert "server" in [one.about for one in (await overview.examine(office)).alerts]
        with ServeLock(office.config.folder):
            assert (await overview.examine(office)).alerts == ()

    tell(story)


def test_what_people_have_sent_is_told_apart(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for account in (None, 7, None):
            entry = Entry(
                office.ids.next(), office.now(), "smtp", "", "", "", "", "", 1, account_id=account
            )
            await office.db.write(lambda tx, entry=entry: rows.add(tx, [entry], []))  # type: ignore[misc]
        clock.advance(1)
        found = await overview.show(office)
        assert (found.hours[-1], found.submitted[-1]) == (3, 1)

    tell(story)
