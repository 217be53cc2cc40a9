from collections.abc import Callable

import pytest

from postroom.admin import accounts, aliases, destinations, domains
from postroom.admin.office import Office
from postroom.errors import Invalid
from tests.admin.bureau import Story, receivers
from tests.fakes import Clock


def test_the_answer_is_that_of_acceptance(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test")
        await accounts.add(office, "a@demo.test", password=None)
        await aliases.add(office, "team@demo.test", ["a@demo.test", "x@other.test"])
        for address in (
            "a@demo.test",
            "a+x@demo.test",
            "team@demo.test",
            "no@demo.test",
            "a@b.test",
        ):
            found = await destinations.find(office, address)
            copies = len(found.accounts) + len(found.elsewhere)
            assert copies == await receivers(office, address)
            assert found.is_taken == bool(copies)
        found = await destinations.find(office, "team@demo.test")
        assert (found.accounts, found.elsewhere) == (("a@demo.test",), ("x@other.test",))
        assert found.via == "team@demo.test"
        await accounts.change(office, "a@demo.test", disabled=True)
        assert "disabled" in (await destinations.find(office, "a@demo.test")).answer
        with pytest.raises(Invalid):
            await destinations.find(office, "nothing")

    tell(story)
