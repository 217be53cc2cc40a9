from collections.abc import Callable

import pytest

from postroom.admin import accounts, aliases, domains
from postroom.admin.office import Office
from postroom.errors import AlreadyExists, Invalid, NotFound
from tests.admin.bureau import Story, receivers
from tests.directory.keys import quick
from tests.fakes import Clock

Tell = Callable[[Story], None]


def in_demo(tell: Tell, rest: Story) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await domains.add(office, "demo.test", generate=quick)
        await accounts.add(office, "alice@demo.test", password=None, name="Alice A")
        await rest(office, clock)

    tell(story)


def test_an_alias_is_added_shown_and_listed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        added = await aliases.add(
            office,
            "Team@demo.test",
            ["alice@demo.test", "later@demo.test", "x@example.org", "alice@demo.test"],
            hidden=True,
        )
        assert [(one.address, one.kind, one.name) for one in added.targets] == [
            ("alice@demo.test", "account", "Alice A"),
            ("later@demo.test", "unknown", ""),
            ("x@example.org", "remote", ""),
        ]
        assert added.unknown == ["later@demo.test"]
        assert added == await aliases.show(office, "team@demo.test")
        (listed,) = [one async for one in aliases.every(office)]
        assert listed.targets == ("alice@demo.test", "later@demo.test", "x@example.org")
        assert listed.hidden
        assert [one async for one in aliases.every(office, search="nothing")] == []

    in_demo(tell, story)


def test_names_and_loops_are_refused(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        with pytest.raises(AlreadyExists):
            await aliases.add(office, "alice@demo.test", ["x@example.org"])
        with pytest.raises(NotFound, match="postroom domain add other.test"):
            await aliases.add(office, "a@other.test", ["x@example.org"])
        with pytest.raises(Invalid):
            await aliases.add(office, "a@demo.test", ["no address"])
        with pytest.raises(Invalid, match="at least one target"):
            await aliases.add(office, "a@demo.test", [])
        await aliases.add(office, "a@demo.test", ["b@demo.test"])
        with pytest.raises(Invalid, match=r"b@demo.test -> a@demo.test -> b@demo.test"):
            await aliases.add(office, "b@demo.test", ["a@demo.test"])

    in_demo(tell, story)


def test_targets_are_replaced_added_and_removed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await aliases.add(office, "team@demo.test", ["x@example.org"])

        async def targets(**changes: object) -> list[str]:
            changed = await aliases.change(office, "team@demo.test", **changes)  # type: ignore[arg-type]
            return [one.address for one in changed.targets]

        assert await targets(add_targets=["y@example.org"]) == ["x@example.org", "y@example.org"]
        assert await targets(remove_targets=["x@example.org"]) == ["y@example.org"]
        assert await targets(targets=["z@example.org"]) == ["z@example.org"]
        assert await targets(hidden=True) == ["z@example.org"]
        assert (await aliases.show(office, "team@demo.test")).hidden
        with pytest.raises(NotFound, match="x@example.org is no target"):
            await targets(remove_targets=["x@example.org"])
        with pytest.raises(Invalid, match="postroom alias remove"):
            await targets(remove_targets=["z@example.org"])
        with pytest.raises(Invalid, match="loop"):
            await targets(add_targets=["team@demo.test"])

    in_demo(tell, story)


def test_an_alias_is_renamed_and_removed(tell: Tell) -> None:
    async def story(office: Office, clock: Clock) -> None:
        await aliases.add(office, "team@demo.test", ["x@example.org"])
        assert (await aliases.rename(office, "team@demo.test", "crew@demo.test")).address == (
            "crew@demo.test"
        )
        assert await receivers(office, "team@demo.test") == 0
        assert await receivers(office, "crew@demo.test") == 1
        assert (await aliases.remove(office, "crew@demo.test")).address == "crew@demo.test"
        assert await receivers(office, "crew@demo.test") == 0
        with pytest.raises(NotFound):
            await aliases.remove(office, "crew@demo.test")

    in_demo(tell, story)
