from collections.abc import Callable

import pytest

from postroom.admin import accounts, aliases, domains
from postroom.admin.domains import DomainChanges
from postroom.admin.office import Office
from postroom.errors import AlreadyExists, Invalid, NotFound, Refused
from tests.admin.bureau import Story, receivers
from tests.fakes import Clock

Tell = Callable[[Story], None]


def test_a_domain_is_added_shown_and_listed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await domains.add(office, "Bücher.Example")
        assert (added.name, added.ascii) == ("bücher.example", "xn--bcher-kva.example")
        assert (added.separators, added.case, added.dots) == ("+", "insensitive", "significant")
        await domains.add(office, "alias.test", alias_of="bücher.example")
        await accounts.add(office, "alice@bücher.example", password=None)
        shown = await domains.show(office, "bücher.example")
        assert (shown.accounts, shown.aliases, shown.alias_domains) == (1, 0, ("alias.test",))
        assert [one.name async for one in domains.every(office)] == ["alias.test", "bücher.example"]
        assert [one.name async for one in domains.every(office, search="BÜCHER.example")] == [
            "bücher.example"
        ]
        assert [one.name async for one in domains.every(office, limit=1)] == ["alias.test"]
        with pytest.raises(AlreadyExists):
            await domains.add(office, "bücher.example")
        with pytest.raises(NotFound, match="postroom domain add other.test"):
            await domains.show(office, "other.test")

    tell(story)


def test_what_is_given_is_set_and_the_rest_stays(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test")
        await accounts.add(office, "alice@demo.test", password=None)
        changed = await domains.change(
            office, "demo.test", DomainChanges(catch_all="alice@demo.test", separators="+-")
        )
        assert (changed.catch_all, changed.separators) == ("alice@demo.test", "+-")
        assert await receivers(office, "anyone@demo.test") == 1
        assert await receivers(office, "alice-x@demo.test") == 1
        changed = await domains.change(
            office, "demo.test", DomainChanges(case="sensitive", dots="ignored")
        )
        assert (changed.catch_all, changed.separators) == ("alice@demo.test", "+-")
        assert (changed.case, changed.dots) == ("sensitive", "ignored")
        changed = await domains.change(office, "demo.test", DomainChanges(catch_all=""))
        assert changed.catch_all == ""
        assert await receivers(office, "anyone@demo.test") == 0

    tell(story)


def test_a_catch_all_must_be_there(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test")

        async def catch(address: str) -> None:
            await domains.change(office, "demo.test", DomainChanges(catch_all=address))

        with pytest.raises(NotFound, match="postroom account add bob@demo.test"):
            await catch("bob@demo.test")
        with pytest.raises(Invalid):
            await catch("bob")
        await catch("bob@example.org")
        await aliases.add(office, "team@demo.test", ["x@example.org"])
        await catch("team+all@demo.test")

    tell(story)


@pytest.mark.parametrize("separators", ["@", "a", ".", '"', " ", "\n", "é", "+\0"])
def test_not_every_letter_separates(tell: Tell, separators: str) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test")
        with pytest.raises(Invalid, match="can't separate"):
            await domains.change(office, "demo.test", DomainChanges(separators=separators))

    tell(story)


def test_a_renamed_domain_may_keep_its_old_name(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "old.test")
        await accounts.add(office, "alice@old.test", password=None)
        await domains.rename(office, "old.test", "mid.test")
        assert await receivers(office, "alice@old.test") == 0
        renamed = await domains.rename(office, "mid.test", "new.test", keep_old=True)
        assert renamed.name == "new.test"
        assert await receivers(office, "alice@mid.test") == 1
        assert await receivers(office, "alice@new.test") == 1
        assert (await domains.show(office, "mid.test")).alias_of == "new.test"

    tell(story)


def test_a_domain_is_removed_when_it_is_empty(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test")
        await aliases.add(office, "team@demo.test", ["x@example.org"])
        with pytest.raises(Refused, match="0 accounts and 1 aliases"):
            await domains.remove(office, "demo.test")
        await aliases.remove(office, "team@demo.test")
        assert (await domains.remove(office, "demo.test")).name == "demo.test"
        assert [one async for one in domains.every(office)] == []

    tell(story)
