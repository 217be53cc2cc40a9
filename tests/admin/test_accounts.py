from collections.abc import Callable
from datetime import timedelta

import pytest

from postroom.admin import accounts, aliases, credentials, domains, names
from postroom.admin.office import Office
from postroom.directory.accounts import KEPT_MS
from postroom.errors import AlreadyExists, Invalid, NotFound, Refused
from tests.admin.bureau import Story, logs_in, receivers
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]


def in_demo(tell: Tell, rest: Story) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "Alice@demo.test", password="secret", name="Alice A")
        await rest(office, clock)

    tell(story)


def test_an_account_is_added_and_logs_in(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await accounts.add(
            office, "bob@demo.test", password="hunter2", quota=10, admin=True, name=" Bob B "
        )
        assert (added.address, added.name, added.state) == ("bob@demo.test", "Bob B", "active")
        assert (added.quota, added.admin, added.kept_until) == (10, True, None)
        assert await logs_in(office, "BOB@demo.test", "hunter2")
        assert not await logs_in(office, "bob@demo.test", "Hunter2")
        without = await accounts.add(office, "carol@demo.test", password=None)
        assert not await logs_in(office, without.address, "")
        assert not (await accounts.show(office, "carol@demo.test")).has_password

    in_demo(tell, story)


def test_what_makes_no_sense_is_refused_and_leaves_nothing(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        async def refused(
            error: type[Refused],
            address: str = "bob@demo.test",
            *,
            password: str = "secret",
            quota: int = 0,
            message_quota: int = 0,
            name: str = "",
        ) -> None:
            with pytest.raises(error):
                await accounts.add(
                    office,
                    address,
                    password=password,
                    quota=quota,
                    message_quota=message_quota,
                    name=name,
                )

        await refused(NotFound, "bob@other.test")
        await refused(AlreadyExists, "ALICE@demo.test")
        await refused(Invalid, "bob")
        await refused(Invalid, password="")
        await refused(Invalid, password="a\nb")
        await refused(Invalid, quota=-1)
        await refused(Invalid, message_quota=-1)
        await refused(Invalid, message_quota=1 << 40)
        await refused(Invalid, name="a\nb")
        await refused(Invalid, name="x" * 201)
        assert [one.address async for one in accounts.every(office)] == ["Alice@demo.test"]

    in_demo(tell, story)


def test_an_account_is_shown_with_all_that_belongs_to_it(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await accounts.add_address(office, "alice@demo.test", "al@demo.test")
        await aliases.add(office, "team@demo.test", ["al@demo.test"])
        await credentials.add_app(office, "alice@demo.test", "phone", ["imap"])
        assert (await accounts.show(office, "al@demo.test")).last_login is None
        assert await logs_in(office, "alice@demo.test", "secret")
        shown = await accounts.show(office, "al@demo.test")
        assert (shown.address, shown.addresses) == ("Alice@demo.test", ("al@demo.test",))
        assert shown.named_by == ("team@demo.test",)
        assert shown.has_password
        assert shown.last_login == names.moment(clock())
        assert [(one.label, one.scopes) for one in shown.app_passwords] == [("phone", ("imap",))]
        assert (shown.used, shown.messages) == (0, 0)

    in_demo(tell, story)


def test_rights_quota_name_and_state_are_changed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        changed = await accounts.change(
            office, "alice@demo.test", name="Zoe", admin=True, quota=1 << 40
        )
        assert (changed.name, changed.admin, changed.quota) == ("Zoe", True, 1 << 40)
        changed = await accounts.change(office, "alice@demo.test", message_quota=7)
        assert (changed.quota, changed.message_quota) == (1 << 40, 7)
        changed = await accounts.change(office, "alice@demo.test", disabled=True)
        assert (changed.state, changed.name, changed.admin) == ("disabled", "Zoe", True)
        assert not await logs_in(office, "alice@demo.test", "secret")
        assert await receivers(office, "alice@demo.test") == 0
        changed = await accounts.change(office, "alice@demo.test", disabled=False, admin=False)
        assert (changed.state, changed.admin) == ("active", False)
        assert await logs_in(office, "alice@demo.test", "secret")
        with pytest.raises(Invalid):
            await accounts.change(office, "alice@demo.test", quota=1 << 63)

    in_demo(tell, story)


def test_rename_changes_the_login_and_takes_aliases_along(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await aliases.add(office, "team@demo.test", ["alice@demo.test"])
        renamed = await accounts.rename(office, "alice@demo.test", "Zoe@demo.test")
        assert renamed.address == "Zoe@demo.test"
        assert await logs_in(office, "zoe@demo.test", "secret")
        assert not await logs_in(office, "alice@demo.test", "secret")
        assert await receivers(office, "team@demo.test") == 1
        await accounts.rename(office, "zoe@demo.test", "zz@demo.test", keep_old=True)
        assert (await accounts.show(office, "zz@demo.test")).addresses == ("Zoe@demo.test",)
        with pytest.raises(AlreadyExists):
            await accounts.rename(office, "zz@demo.test", "team@demo.test")

    in_demo(tell, story)


def test_a_removed_account_can_be_restored_for_thirty_days(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await aliases.add(office, "team@demo.test", ["alice@demo.test"])
        removed = await accounts.remove(office, "alice@demo.test")
        assert removed.kept_until == names.moment(clock()) + timedelta(days=30)
        assert removed.named_by == ("team@demo.test",)
        assert [one async for one in accounts.every(office)] == []
        (listed,) = [one async for one in accounts.every(office, removed=True)]
        assert (listed.state, listed.kept_until) == ("removed", removed.kept_until)
        restored = await accounts.restore(office, "ALICE@demo.test")
        assert (restored.address, restored.lost) == ("Alice@demo.test", ())
        assert await logs_in(office, "alice@demo.test", "secret")
        with pytest.raises(NotFound, match="no removed account"):
            await accounts.restore(office, "alice@demo.test")

    in_demo(tell, story)


def test_purging_erases_the_mail_first_and_may_be_repeated(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await accounts.remove(office, "alice@demo.test")
        erased: list[int] = []

        async def fails(ident: int) -> None:
            raise Refused("disk")

        async def erase(ident: int) -> None:
            erased.append(ident)

        assert await accounts.purge_removed(office, clock.advance(KEPT_MS - 1), erase) == []
        now = clock.advance(1)
        with pytest.raises(Refused):
            await accounts.purge_removed(office, now, fails)
        assert len([one async for one in accounts.every(office, removed=True)]) == 1
        due = await accounts.purge_removed(office, now, erase)
        assert due == erased != []
        assert [one async for one in accounts.every(office, removed=True)] == []
        assert await accounts.purge_removed(office, now, erase) == []

    in_demo(tell, story)


def test_further_addresses_come_and_go(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        shown = await accounts.add_address(office, "alice@demo.test", "al@demo.test")
        assert shown.addresses == ("al@demo.test",)
        assert await logs_in(office, "al@demo.test", "secret")
        with pytest.raises(Invalid, match="postroom account rename"):
            await accounts.remove_address(office, "al@demo.test", "alice@demo.test")
        with pytest.raises(NotFound, match="is no address of"):
            await accounts.remove_address(office, "alice@demo.test", "bob@demo.test")
        shown = await accounts.remove_address(office, "al@demo.test", "al@demo.test")
        assert (shown.address, shown.addresses) == ("Alice@demo.test", ())
        assert not await logs_in(office, "al@demo.test", "secret")

    in_demo(tell, story)


def test_the_holding_account_is_seen_and_taken_over(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert await receivers(office, "postmaster@demo.test") == 1
        states = {one.address: one.state async for one in accounts.every(office)}
        assert states == {"Alice@demo.test": "active", "postmaster@demo.test": "holding"}
        with pytest.raises(Invalid, match="postroom account add postmaster@demo.test"):
            await accounts.add_address(office, "postmaster@demo.test", "p@demo.test")
        await accounts.add(office, "postmaster@demo.test", password="secret2")
        assert await logs_in(office, "postmaster@demo.test", "secret2")
        assert (await accounts.show(office, "postmaster@demo.test")).state == "active"

    in_demo(tell, story)
