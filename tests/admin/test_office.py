from collections.abc import Callable

import pytest

from postroom.admin import accounts, domains
from postroom.admin.office import Office
from postroom.errors import Invalid, NotFound
from tests.admin.bureau import Story
from tests.fakes import START, Clock


def test_the_time_is_the_clocks(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert office.now() == START
        clock.advance(5)
        assert office.now() == START + 5

    tell(story)


def test_an_account_is_found_by_what_was_typed(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, _clock: Clock) -> None:
        await domains.add(office, "demo.test")
        await accounts.add(office, "alice@demo.test", password="a password of hers")
        assert str((await office.account(" Alice@DEMO.test ")).address) == "alice@demo.test"
        with pytest.raises(NotFound):
            await office.account("bob@demo.test")
        with pytest.raises(Invalid):
            await office.account("alice")

    tell(story)
