"""Masked addresses, as a postmaster makes them."""

from collections.abc import Callable

import pytest

from postroom.address import Address
from postroom.admin import accounts, domains, masks
from postroom.admin.office import Office
from postroom.errors import AlreadyExists, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

BOB = "bob@demo.test"


def test_they_are_made_listed_switched_and_removed(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password="long enough")
        first = await masks.add(office, BOB, label="a shop")
        second = await masks.add(office, BOB)
        assert first.address.endswith("@demo.test")
        assert (first.label, first.is_on, first.uses, first.last_used) == ("a shop", True, 0, None)
        assert [one async for one in masks.every(office, BOB)] == [second, first]
        assert [one async for one in masks.every(office, BOB, limit=1)] == [second]
        found = await office.directory.resolve(Address.parse(first.address))
        assert len(found.local) == 1
        assert not (await masks.change(office, first.address, is_on=False)).is_on
        changed = await masks.change(office, first.address, label="b")
        assert (changed.label, changed.is_on) == ("b", False)
        assert (await office.directory.resolve(Address.parse(first.address))).kind == "disabled"
        assert (await masks.change(office, first.address, is_on=True)).is_on
        await masks.remove(office, first.address)
        assert [one async for one in masks.every(office, BOB)] == [second]
        for address in (BOB, "nobody@demo.test"):
            with pytest.raises(NotFound, match="is no masked address"):
                await masks.remove(office, address)
        with pytest.raises(NotFound, match="no account"):
            await masks.add(office, "nobody@demo.test")

    tell(story)


def test_a_name_that_is_taken_is_not_given_again(
    tell: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, BOB, password="long enough")
        monkeypatch.setattr("secrets.choice", lambda letters: letters[0])
        await masks.add(office, BOB)
        with pytest.raises(AlreadyExists):
            await masks.add(office, BOB)
        assert len([one async for one in masks.every(office, BOB)]) == 1

    tell(story)
