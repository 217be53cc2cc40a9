from collections.abc import Callable

import pytest

from postroom.access.scripts import BadScript
from postroom.admin import accounts, domains
from postroom.admin.filters import scripts
from postroom.admin.office import Office
from postroom.directory.scripts import TooLarge
from postroom.errors import Invalid, NotAllowed, NotFound, Refused
from tests.admin.bureau import Story
from tests.directory.keys import quick
from tests.fakes import Clock

ALICE = "alice@demo.test"
Tell = Callable[[Story], None]


async def furnish(office: Office) -> None:
    await domains.add(office, "demo.test", generate=quick)
    await accounts.add(office, ALICE, password="open sesame")


def test_a_script_is_put_and_runs(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        made = await scripts.put(office, ALICE, "own", b"keep;")
        assert (made.account, made.name, made.octets, made.active) == (ALICE, "own", 5, False)
        assert (await scripts.activate(office, ALICE, "own")).active
        assert (await scripts.put(office, ALICE, "next", b"discard;", active=True)).active
        assert [(one.name, one.active) for one in await scripts.every(office, ALICE)] == [
            ("next", True), ("own", False),
        ]  # fmt: skip
        with pytest.raises(NotAllowed):
            await scripts.remove(office, ALICE, "next")
        assert (await scripts.rename(office, ALICE, "next", "new")).active
        await scripts.deactivate(office, ALICE)
        await scripts.remove(office, ALICE, "new")
        assert await scripts.text(office, ALICE, "own") == "keep;"

    tell(story)


def test_scripts_of_the_site_are_included_or_run_before_all_others(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        including = b'require "include"; include :global "spam";'
        assert (await scripts.put(office, ALICE, "own", including)).warnings
        made = await scripts.put(office, scripts.GLOBAL, "spam", b"discard;")
        assert made.account == "global"
        assert (await scripts.put(office, ALICE, "own", including)).warnings == ()
        assert (await scripts.activate(office, scripts.GLOBAL, "spam")).active
        with pytest.raises(Refused):
            await scripts.remove(office, scripts.GLOBAL, "spam")
        await scripts.deactivate(office, scripts.GLOBAL)
        assert [one.name for one in await scripts.every(office, scripts.GLOBAL)] == ["spam"]
        assert [one.name for one in await scripts.every(office, ALICE)] == ["own"]

    tell(story)


def test_what_can_not_be_stored(tell: Tell) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await furnish(office)
        with pytest.raises(BadScript, match="line 1"):
            await scripts.put(office, ALICE, "own", b"nonsense;", active=True)
        with pytest.raises(TooLarge):
            await scripts.put(office, ALICE, "own", b"#" * (office.config.sieve.max_script + 1))
        with pytest.raises(Invalid):
            await scripts.put(office, ALICE, "../own", b"keep;")
        with pytest.raises(NotFound, match="no account"):
            await scripts.put(office, "bob@demo.test", "own", b"keep;")
        with pytest.raises(NotFound, match="no script"):
            await scripts.text(office, ALICE, "own")
        assert await scripts.every(office, ALICE) == []

    tell(story)
