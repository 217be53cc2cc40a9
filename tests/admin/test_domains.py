from collections.abc import Callable
from functools import partial

import pytest

from postroom.admin import accounts, aliases, dkim, domains
from postroom.admin.domains import DomainChanges
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.outgoing.relays import UseView, Wanted
from postroom.directory.dkim_keys import SigningKeys
from postroom.errors import AlreadyExists, Invalid, NotFound, Refused
from postroom.post.commit import Post
from tests.admin.bureau import Story, receivers
from tests.directory import keys
from tests.fakes import Clock
from tests.post.office import letter

Tell = Callable[[Story], None]

add = partial(domains.add, generate=keys.quick)


def test_a_domain_is_added_shown_and_listed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await add(office, "Bücher.Example")
        assert (added.name, added.ascii) == ("bücher.example", "xn--bcher-kva.example")
        assert (added.separators, added.case, added.dots) == ("+", "insensitive", "significant")
        await add(office, "alias.test", alias_of="bücher.example")
        await accounts.add(office, "alice@bücher.example", password=None)
        shown = await domains.show(office, "bücher.example")
        assert (shown.accounts, shown.aliases, shown.alias_domains) == (1, 0, ("alias.test",))
        assert [one.name async for one in domains.every(office)] == ["alias.test", "bücher.example"]
        assert [one.name async for one in domains.every(office, search="BÜCHER.example")] == [
            "bücher.example"
        ]
        assert [one.name async for one in domains.every(office, limit=1)] == ["alias.test"]
        with pytest.raises(AlreadyExists):
            await add(office, "bücher.example")
        with pytest.raises(NotFound, match="postroom domain add other.test"):
            await domains.show(office, "other.test")

    tell(story)


def test_what_is_given_is_set_and_the_rest_stays(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await add(office, "demo.test")
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
        await add(office, "demo.test")

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
        await add(office, "demo.test")
        with pytest.raises(Invalid, match="can't separate"):
            await domains.change(office, "demo.test", DomainChanges(separators=separators))

    tell(story)


def test_a_renamed_domain_may_keep_its_old_name(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await add(office, "old.test")
        await accounts.add(office, "alice@old.test", password=None)
        await domains.rename(office, "old.test", "mid.test")
        assert await receivers(office, "alice@old.test") == 0
        renamed = await domains.rename(office, "mid.test", "new.test", keep_old=True)
        assert renamed.name == "new.test"
        assert await receivers(office, "alice@mid.test") == 1
        assert await receivers(office, "alice@new.test") == 1
        assert (await domains.show(office, "mid.test")).alias_of == "new.test"

    tell(story)


def test_a_domain_is_not_renamed_while_letters_for_it_wait(tell: Tell) -> None:
    """Nobody would get them; a name that is kept still leads to its people."""

    async def story(office: Office, clock: Clock) -> None:
        await add(office, "old.test")
        await accounts.add(office, "alice@old.test", password=None)
        one = letter(office, remote=("alice@old.test", "b@other.test"))
        await Post(office.db, office.blobs, office.notify, office.clock).commit(one)
        with pytest.raises(Refused, match=r"1 delivery to old\.test .* --to old\.test.*--keep-old"):
            await domains.rename(office, "old.test", "new.test")
        assert await receivers(office, "alice@old.test") == 1
        await domains.rename(office, "old.test", "new.test", keep_old=True)
        assert await receivers(office, "alice@old.test") == 1
        assert await receivers(office, "alice@new.test") == 1

    tell(story)


def test_a_domain_is_removed_when_it_is_empty(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await add(office, "demo.test")
        await aliases.add(office, "team@demo.test", ["x@example.org"])
        with pytest.raises(Refused, match="0 accounts and 1 aliases"):
            await domains.remove(office, "demo.test")
        await aliases.remove(office, "team@demo.test")
        assert (await domains.remove(office, "demo.test")).name == "demo.test"
        assert [one async for one in domains.every(office)] == []

    tell(story)


def test_a_new_domain_has_its_own_keys(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        main = await domains.add(office, "demo.test")  # made, not taken from the shelf
        alias = await add(office, "alias.test", alias_of="demo.test")
        assert [key.selector for key in main.dkim] == ["pr2026a", "pe2026a"]
        assert [key.name for key in alias.dkim] == [
            "pr2026a._domainkey.alias.test",
            "pe2026a._domainkey.alias.test",
        ]
        assert main.dkim[0].value != alias.dkim[0].value
        assert (await domains.show(office, "demo.test")).dkim == main.dkim

    tell(story)


def test_a_domain_that_was_refused_leaves_no_keys(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await add(office, "demo.test")
        for name, alias_of in (("demo.test", None), ("other.test", "nowhere.test")):
            with pytest.raises(Refused):
                await add(office, name, alias_of=alias_of)
        assert len([key async for key in dkim.every(office)]) == 2

    tell(story)


def test_a_domain_that_comes_back_keeps_its_keys(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        first = await add(office, "demo.test")
        await accounts.add(office, "alice@demo.test", password=None)
        await accounts.remove(office, "alice@demo.test")
        await domains.remove(office, "demo.test")
        assert [key async for key in dkim.every(office)] == []
        back = await domains.add(office, "demo.test", generate=lambda: keys.numbered(1))
        assert back.dkim == first.dkim

    tell(story)


def test_a_renamed_domain_takes_keys_and_relay_along(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await add(office, "old.test")
        smarthost = Wanted(host="relay.example", port=25, tls="starttls")
        await relays.add(office, "one", smarthost, [UseView("sender-domain", "old.test")])
        await domains.rename(office, "old.test", "mid.test")
        assert [key.domain for key in (await domains.show(office, "mid.test")).dkim] == [
            "mid.test",
            "mid.test",
        ]
        assert (await relays.show(office, "one")).uses == (UseView("sender-domain", "mid.test"),)
        await domains.rename(office, "mid.test", "new.test", keep_old=True)
        old, new = [await domains.show(office, name) for name in ("mid.test", "new.test")]
        assert [key.value for key in old.dkim] == [key.value for key in new.dkim]
        assert [key.value for key in new.dkim] == [key.value for key in added.dkim]
        signing = SigningKeys(office.db, clock, office.directory.secrets)
        assert await signing.for_domain("mid.test") == await signing.for_domain("new.test") != ()
        assert {one.of for one in (await relays.show(office, "one")).uses} == {
            "mid.test",
            "new.test",
        }

    tell(story)
