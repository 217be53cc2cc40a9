"""Owners are told of trouble: when it begins, and when it is over."""

import dataclasses
import platform

import msgspec

from postroom.admin import accounts, domains, roles
from postroom.admin.office import Office
from postroom.admin.watch import alerting
from postroom.config.model import Limits
from postroom.ledger.alerts import QUIET_MS, Changes
from tests.admin.test_housekeeping import Tell
from tests.admin.test_reporting import post
from tests.directory.keys import quick
from tests.fakes import Clock

NOTHING = Changes([], [])


async def owned(office: Office) -> None:
    """A domain with two owners and somebody else."""
    await domains.add(office, "demo.test", generate=quick)
    for name in ("ann", "bob", "cyd"):
        await accounts.add(office, f"{name}@demo.test", password=None)
    for name in ("ann", "cyd"):
        await roles.assign(office, f"{name}@demo.test", "owner")


def full(office: Office) -> Office:
    config = msgspec.structs.replace(office.config, limits=Limits(disk_reserve=1 << 50))
    return dataclasses.replace(office, config=config)


async def letters(office: Office) -> dict[str, list[str]]:
    """The text of all letters, by the owner of the mailbox."""
    rows = await office.db.read(
        lambda tx: tx.all(
            "SELECT a.canonical, m.blob_id FROM message m JOIN address a"
            " ON a.account_id = m.account_id AND a.main = 1 ORDER BY m.id"
        )
    )
    found: dict[str, list[str]] = {}
    for name, blob in rows:
        pieces = [piece async for piece in office.blobs.stream(office.db, blob)]
        found.setdefault(name, []).append(b"".join(pieces).decode())
    return found


def test_every_owner_is_told_once_of_the_beginning_and_of_the_end(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await owned(office)
        assert await alerting.tell(office, post(office)) == NOTHING
        (begun,) = (await alerting.tell(full(office), post(office))).begun
        assert (begun.about, begun.machine) == ("disk", platform.node())
        clock.advance(QUIET_MS - 1)
        assert await alerting.tell(full(office), post(office)) == NOTHING
        clock.advance(QUIET_MS)
        assert await alerting.tell(office, post(office)) == Changes([], [begun])
        assert await alerting.tell(office, post(office)) == NOTHING
        found = await letters(office)
        assert found.keys() == {"ann", "cyd"}
        for first, last in found.values():
            assert "Subject: mx.demo.test: 1 to look at\r\n" in first
            assert "Auto-Submitted: auto-generated\r\n" in first
            assert "- the disk is nearly full: new mail is put off; make room" in first
            assert f" ({begun.machine})" in first
            assert "Subject: mx.demo.test: 1 over\r\n" in last
            assert "This is over:" in last

    tell(story)


def test_without_an_owner_it_waits_for_one(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        assert await alerting.tell(full(office), post(office)) == NOTHING
        await owned(office)
        assert len((await alerting.tell(full(office), post(office))).begun) == 1

    tell(story)
