from collections.abc import Callable

import pytest

from postroom.admin import accounts, audit, domains, lists
from postroom.admin.lists import Changes
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]


def in_demo(tell: Tell, rest: Story) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "alice@demo.test", password=None)
        await lists.add(
            office, "dev@demo.test", Changes(name=" A  name ", owners=("alice@demo.test",))
        )
        await rest(office, clock)

    tell(story)


async def members(office: Office, search: str = "") -> list[str]:
    return [one.address async for one in lists.members(office, "dev@demo.test", search=search)]


def test_a_list_is_made_changed_renamed_and_removed(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        found = await lists.show(office, "DEV@demo.test")
        assert (found.name, found.members, found.owners) == ("A name", 0, ("alice@demo.test",))
        changes = Changes(posting="anyone", archive=("alice@demo.test",), max_size=0, owners=())
        found = await lists.change(office, "dev@demo.test", changes)
        assert (found.posting, found.archive, found.owners) == ("anyone", ("alice@demo.test",), ())
        assert (await lists.rename(office, "dev@demo.test", "new@demo.test")).name == "A name"
        page = await lists.page(office, search="new", within="demo.test")
        assert [one.address for one in page.items] == ["new@demo.test"]
        assert [one.address async for one in lists.every(office)] == ["new@demo.test"]
        assert (await lists.remove(office, "new@demo.test")).address == "new@demo.test"
        assert [one async for one in lists.every(office)] == []
        told = [one.action async for one in audit.every(office)]
        assert {"list.add", "list.change", "list.rename", "list.remove"} <= set(told)

    in_demo(tell, story)


def test_members_come_are_suspended_and_go(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        people = [f"m{n:04}@else.example" for n in range(1_200)]
        assert (
            await lists.add_members(office, "dev@demo.test", [*people, "M0000@else.example"])
            == 1_200
        )
        assert len(await members(office)) == 1_200
        assert await members(office, "m0007") == ["m0007@else.example"]
        page = await lists.members_page(office, "dev@demo.test", size=2)
        assert (page.total, [one.address for one in page.items]) == (1_200, people[:2])
        page = await lists.members_page(office, "dev@demo.test", size=2, after=page.next)
        assert [one.address for one in page.items] == people[2:4]
        await lists.suspend_members(office, "dev@demo.test", people[:1], suspended=True)
        (first,) = [one async for one in lists.members(office, "dev@demo.test", limit=1)]
        assert first.suspended
        assert await lists.remove_members(office, "dev@demo.test", people[:1]) == 1_199
        with pytest.raises(NotFound, match="no member of dev@demo.test"):
            await lists.remove_members(office, "dev@demo.test", [people[1], people[0]])
        assert len(await members(office)) == 1_199

    in_demo(tell, story)


def test_what_makes_no_sense_is_refused(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        with pytest.raises(NotFound, match="nobody@demo.test receives no mail here"):
            await lists.add_members(office, "dev@demo.test", ["nobody@demo.test"])
        with pytest.raises(Invalid, match="can't be in itself"):
            await lists.add_members(office, "dev@demo.test", ["DEV@demo.test"])
        with pytest.raises(Invalid, match="one line"):
            await lists.change(office, "dev@demo.test", Changes(name="a\x07b"))
        with pytest.raises(Invalid, match="octets"):
            await lists.change(office, "dev@demo.test", Changes(max_size=-1))
        assert await members(office) == []

    in_demo(tell, story)
