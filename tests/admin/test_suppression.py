"""Suppression lists, as they are shown and changed."""

from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, domains, suppression
from postroom.admin.office import Office
from postroom.admin.suppression import SuppressionView
from postroom.directory import suppressions
from postroom.directory.suppressions import Suppressed
from postroom.errors import Invalid, NotFound
from postroom.ledger import hooks, occurrences
from postroom.ledger.hooks import Hook
from postroom.telemetry.events import RecipientSuppressed
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock, Recorder

Tell = Callable[[Story], None]
BOB = "bob@demo.test"


async def settle(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, BOB, password=None)


async def listed(office: Office, search: str = "") -> list[str]:
    return [one.address async for one in suppression.every(office, BOB, search=search)]


def test_addresses_are_put_there_and_taken_off(tell: Tell, events: Recorder) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        hook = Hook(1, "u", frozenset({"recipient.suppressed"}), "", b"s", 0)
        await office.db.write(lambda tx: hooks.add(tx, hook))
        view = await suppression.add(office, BOB, ["B@far.test", "a@far.test", "b@far.test"])
        assert view == SuppressionView(BOB, "api", "default", 2)
        assert await listed(office) == ["a@far.test", "b@far.test"]
        assert await listed(office, "B") == ["b@far.test"]
        one = await suppression.show(office, BOB, "a@FAR.test")
        assert (one.kind, one.until, one.message, one.reason) == ("hand", None, "", "")
        told = await office.db.write(lambda tx: occurrences.take(tx, 10))
        assert {one.event for one in told} == {"recipient.suppressed"}
        assert {one.recipient for one in told} == {BOB}
        assert events.of(RecipientSuppressed)[0].until == ""
        view = await suppression.remove(office, BOB, ["A@far.test"])
        assert view.addresses == 1
        with pytest.raises(NotFound, match="a@far.test is not on the suppression list of bob"):
            await suppression.show(office, BOB, "a@far.test")
        with pytest.raises(NotFound, match="see: postroom suppression list"):
            await suppression.remove(office, BOB, ["b@far.test", "a@far.test"])
        assert await listed(office) == ["b@far.test"]  # nothing is half done
        page = await suppression.page(office, BOB, size=1)
        assert (len(page.items), page.total, page.next) == (1, 1, "")

    tell(story)


def test_what_is_over_is_not_shown_as_a_reason_and_goes(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        ident = (await office.account(BOB)).id
        now = office.now()
        one = Suppressed("x@far.test", "bounce", now, now + 1_000, ident, "550 No")
        await office.db.write(lambda tx: suppressions.put(tx, ident, [one]))
        shown = await suppression.show(office, BOB, "x@far.test")
        assert (shown.kind, shown.reason, len(shown.message)) == ("bounce", "550 No", 13)
        some = [Address.parse(text) for text in ("y@far.test", "X@far.test")]
        assert await suppression.among(office, ident, some) == ["x@far.test"]
        await suppression.use(office, BOB, "off")
        assert await suppression.among(office, ident, some) == []
        await suppression.use(office, BOB, "api")
        clock.advance(seconds=1)
        with pytest.raises(NotFound):
            await suppression.show(office, BOB, "x@far.test")
        assert await suppression.among(office, ident, some) == []
        await suppression.purge(office)
        assert (await suppression.status(office, BOB)).addresses == 0

    tell(story)


def test_addresses_of_ours_and_what_is_none_are_refused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        with pytest.raises(Invalid, match="is of a domain here, and the list is for addresses"):
            await suppression.add(office, BOB, ["a@far.test", "eve@demo.test"])
        with pytest.raises(Invalid, match="'x' is no address"):
            await suppression.add(office, BOB, ["x"])
        with pytest.raises(Invalid, match="at most 1000 addresses at a time"):
            await suppression.add(office, BOB, [f"{n}@far.test" for n in range(1_001)])
        with pytest.raises(NotFound):
            await suppression.add(office, "eve@demo.test", ["a@far.test"])
        assert await listed(office) == []

    tell(story)


def test_many_are_read_from_lines(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        lines = [f"{n:04}@far.test\n" for n in range(1_500)]
        assert await suppression.load(office, BOB, ["\n", *lines]) == 1_500
        assert (await suppression.status(office, BOB)).addresses == 1_500
        with pytest.raises(Invalid, match="line 2: 'no' is no address .*; one address a line"):
            await suppression.load(office, BOB, ["new@far.test", "no"])
        assert await listed(office, "new") == []

    tell(story)


def test_what_heeds_the_list_is_chosen(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await settle(office)
        assert await suppression.use(office, BOB, "all") == SuppressionView(BOB, "all", "all", 0)
        ident = (await office.account(BOB)).id
        assert (await office.directory.suppressing(ident)).scope == "all"
        view = await suppression.use(office, BOB, "default")
        assert (view.scope, view.chosen) == ("api", "default")

    tell(story)
