"""Domains of others that this server is a backup MX for, as a postmaster handles them."""

from collections.abc import Callable

import pytest

from postroom.admin import audit, backup_domains, domains
from postroom.admin.office import Office
from postroom.admin.trials import destinations
from postroom.errors import AlreadyExists, NotFound
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock


def test_they_are_added_found_listed_and_removed(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        added = await backup_domains.add(office, "Bücher.Example")
        assert (added.name, added.ascii, added.backup_mx) == (
            "bücher.example",
            "xn--bcher-kva.example",
            True,
        )
        await backup_domains.add(office, "a.test")
        assert await backup_domains.find(office, "bücher.example") == added
        assert await backup_domains.find(office, "b.test") is None
        for search, limit, expected in (
            ("", None, ["a.test", "bücher.example"]),
            ("BÜCHER.example", None, ["bücher.example"]),
            ("", 1, ["a.test"]),
        ):
            found = backup_domains.every(office, search=search, limit=limit)
            assert [one.name async for one in found] == expected
        first = await backup_domains.page(office, size=1)
        assert ([one.name for one in first.items], first.total) == (["a.test"], 2)
        rest = await backup_domains.page(office, after=first.next)
        assert ([one.name for one in rest.items], rest.next) == (["bücher.example"], "")
        assert (await backup_domains.page(office, search="a.t")).total == 1
        with pytest.raises(AlreadyExists):
            await domains.add(office, "a.test", generate=quick)
        there = await destinations.find(office, "x@a.test")
        assert (there.is_taken, there.accounts, there.elsewhere) == (True, (), ("x@a.test",))
        assert "a backup MX" in there.answer
        assert (await backup_domains.remove(office, "a.test")).name == "a.test"
        assert not (await destinations.find(office, "x@a.test")).is_taken
        with pytest.raises(NotFound):
            await backup_domains.remove(office, "a.test")
        actions = [one.action for one in (await audit.page(office)).items]
        assert actions == ["domain.remove-backup", "domain.add-backup", "domain.add-backup"]

    tell(story)
