from collections.abc import Callable

import pytest

from postroom.admin import accounts, aliases, domains, forwards
from postroom.admin.forwards import ForwardView
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story, receivers
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]


def in_demo(tell: Tell, rest: Story) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        for name in ("alice", "bob"):
            await accounts.add(office, f"{name}@demo.test", password=None)
        await rest(office, clock)

    tell(story)


def test_a_forward_is_set_changed_and_ended(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        here = ForwardView("alice@demo.test", (), keeps_copy=True, unknown=())
        assert await forwards.show(office, "Alice@demo.test") == here
        changed = await forwards.change(
            office, "ALICE@demo.test", to=["bob@demo.test", "A@X.test", "A@x.test"]
        )
        assert changed == ForwardView(
            "alice@demo.test", ("bob@demo.test", "A@x.test"), keeps_copy=True, unknown=()
        )
        assert await receivers(office, "alice@demo.test") == 3
        assert not (await forwards.change(office, "alice@demo.test", keep=False)).keeps_copy
        assert await receivers(office, "alice@demo.test") == 2
        changed = await forwards.change(office, "alice@demo.test", to=["c@x.test"])
        assert (changed.to, changed.keeps_copy) == (("c@x.test",), False)  # as it was
        changed = await forwards.change(office, "alice@demo.test", to=["d@x.test"], keep=True)
        assert (changed.to, changed.keeps_copy) == (("d@x.test",), True)
        assert await forwards.show(office, "alice@demo.test") == changed
        for _ in range(2):
            assert await forwards.end(office, "alice@demo.test") == here
        assert await receivers(office, "alice@demo.test") == 1

    in_demo(tell, story)


def test_without_a_copy_from_the_first_moment(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        changed = await forwards.change(
            office, "alice@demo.test", to=["gone@demo.test", "b@x.test"], keep=False
        )
        assert (changed.keeps_copy, changed.unknown) == (False, ("gone@demo.test",))
        assert await receivers(office, "alice@demo.test") == 1

    in_demo(tell, story)


def test_accounts_tell_of_their_forwards(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await forwards.change(office, "alice@demo.test", to=["b@x.test"], keep=False)
        shown = await accounts.show(office, "alice@demo.test")
        assert (shown.forwards, shown.keeps_copy) == (("b@x.test",), False)
        assert [
            (one.address, one.forwards, one.keeps_copy) async for one in accounts.every(office)
        ] == [("alice@demo.test", ("b@x.test",), False), ("bob@demo.test", (), True)]

    in_demo(tell, story)


def test_what_makes_no_sense_is_refused_and_changes_nothing(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await aliases.add(office, "team@demo.test", ["alice@demo.test"])
        with pytest.raises(Invalid, match="loop"):
            await forwards.change(office, "alice@demo.test", to=["b@x.test", "team@demo.test"])
        with pytest.raises(Invalid, match="'nowhere' has no @"):
            await forwards.change(office, "alice@demo.test", to=["nowhere"])
        with pytest.raises(Invalid, match="nothing to change"):
            await forwards.change(office, "alice@demo.test")
        with pytest.raises(NotFound, match="postroom account forward alice@demo.test --to ADDRESS"):
            await forwards.change(office, "alice@demo.test", keep=True)
        for wrong in ("carol@demo.test", "team@demo.test"):
            with pytest.raises(NotFound):
                await forwards.change(office, wrong, to=["b@x.test"])
            with pytest.raises(NotFound):
                await forwards.end(office, wrong)
        assert (await forwards.show(office, "alice@demo.test")).to == ()
        await office.directory.resolve_postmaster()
        with pytest.raises(Invalid, match="only holds mail"):
            await forwards.change(office, "postmaster@demo.test", to=["b@x.test"])

    in_demo(tell, story)


def test_purged_accounts_leave_nothing(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await forwards.change(office, "alice@demo.test", to=["b@x.test"])
        await accounts.remove(office, "alice@demo.test")
        clock.advance(days=31)
        assert len(await accounts.purge_removed(office, office.now(), office.store.remove_account))
        for table in ("forward", "alias", "alias_target"):
            assert await office.db.read(lambda tx, t=table: tx.all(f"SELECT * FROM {t}")) == []  # type: ignore[misc]

    in_demo(tell, story)
