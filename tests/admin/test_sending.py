from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, domains, sending
from postroom.admin.accounts import AccountView
from postroom.admin.office import Office
from postroom.admin.sending import Released, SendAsView
from postroom.directory.sending import Sending
from postroom.errors import AlreadyExists, Invalid, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]

ALICE = "alice@demo.test"


def in_demo(tell: Tell, rest: Story) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, ALICE, password=None)
        await rest(office, clock)

    tell(story)


def test_what_an_account_may_send_as(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert await sending.show(office, ALICE) == SendAsView(ALICE, ())
        await sending.grant(office, ALICE, "Sales@demo.test")
        shown = await sending.grant(office, "Alice@demo.test", " @Demo.test ")
        assert shown == SendAsView(ALICE, ("@demo.test", "Sales@demo.test"))
        assert (await accounts.show(office, ALICE)).send_as == shown.send_as
        account = await accounts.show(office, ALICE)
        assert account.state == "active"
        found = await office.directory.resolve(Address.parse(ALICE))
        ident = found.local[0].account_id
        assert await office.directory.may_send_as(ident, Address.parse("x@demo.test"))
        assert await sending.revoke(office, ALICE, "@demo.test") == SendAsView(
            ALICE, ("Sales@demo.test",)
        )
        assert not await office.directory.may_send_as(ident, Address.parse("x@demo.test"))

    in_demo(tell, story)


def test_what_makes_no_sense_is_refused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        for wrong in ("sales", "@", "@x y", ""):
            with pytest.raises(Invalid):
                await sending.grant(office, ALICE, wrong)
        with pytest.raises(NotFound, match="postroom domain add other.test"):
            await sending.grant(office, ALICE, "@other.test")
        with pytest.raises(NotFound):
            await sending.grant(office, "bob@demo.test", "x@demo.test")
        await sending.grant(office, ALICE, "x@demo.test")
        with pytest.raises(AlreadyExists):
            await sending.grant(office, ALICE, "X@demo.test")
        with pytest.raises(NotFound, match="nothing to remove"):
            await sending.revoke(office, ALICE, "y@demo.test")
        for work in (sending.show, sending.release):
            with pytest.raises(NotFound):
                await work(office, "bob@demo.test")

    in_demo(tell, story)


async def limits(office: Office) -> AccountView:
    (view,) = [one async for one in accounts.every(office)]
    shown = await accounts.show(office, ALICE)
    assert (shown.send_limit, shown.sent, shown.sending_stopped) == (
        view.send_limit, view.sent, view.sending_stopped,
    )  # fmt: skip
    return view


def test_a_limit_is_set_told_and_released(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        view = await limits(office)
        assert (view.send_limit, view.sent, view.sending_stopped) == (None, 0, False)
        assert await sending.release(office, ALICE) == Released(ALICE, was_stopped=False)
        changed = await accounts.change(office, ALICE, send_limit=2)
        assert changed.send_limit == 2
        found = await office.directory.resolve(Address.parse(ALICE))
        ident = found.local[0].account_id
        server = Sending(office.db, clock, 1000)
        for _ in range(2):
            assert await server.take(ident) is None
        assert await server.take(ident) is not None
        server.count(ident, 2)
        await server.close()
        view = await limits(office)
        assert (view.sent, view.sending_stopped) == (2, True)
        assert await sending.release(office, "ALICE@demo.test") == Released(ALICE, was_stopped=True)
        view = await limits(office)
        assert (view.send_limit, view.sent, view.sending_stopped) == (2, 0, False)
        assert (await accounts.change(office, ALICE, send_limit=0, name="A")).send_limit == 0
        assert (await accounts.change(office, ALICE, name="B")).send_limit == 0
        assert (await accounts.change(office, ALICE, send_limit="default")).send_limit is None
        for wrong in (-1, 1 << 40):
            with pytest.raises(Invalid, match="a limit is a number"):
                await accounts.change(office, ALICE, send_limit=wrong)

    in_demo(tell, story)


def test_purged_accounts_leave_nothing(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await accounts.change(office, ALICE, send_limit=2)
        await sending.grant(office, ALICE, "x@demo.test")
        await accounts.remove(office, ALICE)
        clock.advance(days=31)
        assert len(await accounts.purge_removed(office, office.now(), office.store.remove_account))
        assert await office.db.read(lambda tx: tx.all("SELECT * FROM sending")) == []
        assert await office.db.read(lambda tx: tx.all("SELECT * FROM send_as")) == []

    in_demo(tell, story)
