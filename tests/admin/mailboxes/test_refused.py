"""What people refused, as their postmaster sees it, and who has looked."""

from collections.abc import Callable

import pytest

from postroom.admin import accounts, audit, domains, roles
from postroom.admin.mailboxes import refused
from postroom.admin.office import Office
from postroom.errors import NotFound
from tests.admin.bureau import Story
from tests.admin.mailboxes.test_rejects import ANN, BOB, settle
from tests.admin.test_reach import number
from tests.directory.keys import quick
from tests.fakes import Clock
from tests.store.refused import keep

Tell = Callable[[Story], None]


def test_those_of_all_are_paged_and_each_look_is_noted(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        ann, bob = await settle(office)
        for account in (ann, bob, ann):
            await keep(office.store, account)
        first = await refused.page(office, size=2)
        assert ([one.account for one in first.items], first.total) == ([ANN, BOB], 3)
        second = await refused.page(office, after=first.next, size=2)
        assert [one.account for one in second.items] == [ANN]
        assert (await refused.page(office, " nothing ")).items == ()
        ident = second.items[0].message.id
        shown = await refused.show(office, ANN, ident)
        assert shown.header.endswith("Subject: Hello\r\n\r\n")
        with pytest.raises(NotFound):
            await refused.show(office, BOB, ident)
        noted = [(one.action, one.object) async for one in audit.every(office)]
        assert noted[:4] == [
            ("reject.read", ANN), ("reject.look", " nothing "), ("reject.look", ""),
            ("reject.look", ""),
        ]  # fmt: skip

    tell(story)


def test_those_of_a_removed_account_are_shown_while_it_can_be_restored(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        for account in await settle(office):
            await keep(office.store, account)
        await accounts.remove(office, ANN)
        page = await refused.page(office)
        assert [one.account for one in page.items] == [BOB, ANN]

    tell(story)


def test_an_administrator_of_a_domain_sees_those_of_its_people(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        _ann, bob = await settle(office)
        await domains.add(office, "far.test", generate=quick)
        await accounts.add(office, "eve@far.test", password=None)
        eve = await number(office, "eve@far.test")
        for account in (bob, eve):
            await keep(office.store, account)
        await roles.assign(office, "eve@far.test", "admin", ["demo.test"])
        found = await refused.page(office, within=eve)
        assert ([one.account for one in found.items], found.total) == ([BOB], 1)
        assert (await refused.page(office)).total == 2

    tell(story)
