from collections.abc import Callable

from postroom.admin.office import Office
from tests.admin.bureau import Story
from tests.fakes import START, Clock


def test_the_time_is_the_clocks(tell: Callable[[Story], None]) -> None:
    async def story(office: Office, clock: Clock) -> None:
        assert office.now() == START
        clock.advance(5)
        assert office.now() == START + 5

    tell(story)
