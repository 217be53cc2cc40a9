"""The suppression lists of a domain, seen, cleared and shared."""

from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, domain_suppression, domains, suppression
from postroom.admin.domain_suppression import DomainSuppressionView
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]
ANN, BOB = "ann@demo.test", "bob@demo.test"


async def settle(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await domains.add(office, "other.test", alias_of="demo.test")
    for one in (ANN, BOB):
        await accounts.add(office, one, password=None)
        await suppression.add(office, one, ["a@far.test", f"{one[0]}@far.test"])


def test_a_postmaster_sees_and_clears_all_lists(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await settle(office)
        for name in ("demo.test", "other.test"):
            found = [
                (one.account, one.address) async for one in domain_suppression.every(office, name)
            ]
            assert found == [(ANN, "a@far.test"), (BOB, "a@far.test"), (BOB, "b@far.test")]
        page = await domain_suppression.page(office, "demo.test", size=2)
        assert ([one.address for one in page.items], page.total) == (["a@far.test"] * 2, 3)
        page = await domain_suppression.page(office, "demo.test", size=2, after=page.next)
        assert ([one.address for one in page.items], page.next) == (["b@far.test"], "")
        shown = await domain_suppression.show(office, "demo.test", "A@far.test")
        assert [(one.account, one.kind) for one in shown] == [(ANN, "hand"), (BOB, "hand")]
        view = await domain_suppression.remove(office, "demo.test", ["a@far.test"])
        assert view == DomainSuppressionView("demo.test", shared=False, accounts=1, addresses=1)
        assert [one.address async for one in suppression.every(office, ANN)] == []
        for work in (domain_suppression.show, _remove):
            with pytest.raises(NotFound, match="on no suppression list of demo.test"):
                await work(office, "demo.test", "a@far.test")
            with pytest.raises(Invalid):
                await work(office, "demo.test", "x")
            with pytest.raises(NotFound):
                await work(office, "strange.test", "a@far.test")

    tell(story)


async def _remove(office: Office, name: str, address: str) -> object:
    return await domain_suppression.remove(office, name, [address])


def test_programs_hear_of_what_is_shared(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await settle(office)
        bob = (await office.account(BOB)).id
        await office.db.write(
            lambda tx: tx.execute(
                "UPDATE suppression SET kind = 'bounce', until = :until, address = 'gone@far.test'"
                " WHERE account_id <> :bob",
                until=office.now() + 1_000,
                bob=bob,
            )
        )
        asked = [Address.parse("Gone@far.test"), Address.parse("no@far.test")]
        assert await suppression.among(office, bob, asked) == []
        view = await domain_suppression.share(office, "demo.test", shared=True)
        assert view.shared
        assert await suppression.among(office, bob, asked) == ["gone@far.test"]
        await domain_suppression.share(office, "demo.test", shared=False)
        assert await suppression.among(office, bob, asked) == []

    tell(story)
