import asyncio
from collections.abc import Sequence

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route

from postroom.web.late import Late
from tests.web.asking import ask


class Maker:
    """Counts, and fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.made = 0
        self._failures = failures

    def __call__(self) -> Sequence[BaseRoute]:
        self.made += 1
        if self.made <= self._failures:
            raise OSError("no memory")

        async def hello(request: Request) -> PlainTextResponse:
            return PlainTextResponse(request.path_params["name"])

        return [Route("/hello/{name}", hello)]


def test_nothing_is_made_before_it_is_asked_for_and_then_once() -> None:
    maker = Maker()

    async def story() -> None:
        application = Starlette(routes=[Mount("", app=Late(maker))])
        assert maker.made == 0
        said = await asyncio.gather(*(ask(application, f"/hello/{n}") for n in range(5)))
        assert [one.body for one in said] == [b"0", b"1", b"2", b"3", b"4"]
        assert maker.made == 1
        assert (await ask(application, "/elsewhere")).status == 404

    asyncio.run(story())


def test_what_could_not_be_made_is_tried_again() -> None:
    maker = Maker(failures=1)

    async def story() -> None:
        application = Starlette(routes=[Mount("", app=Late(maker))])
        with pytest.raises(OSError, match="no memory"):
            await ask(application, "/hello/a")
        assert (await ask(application, "/hello/b")).body == b"b"

    asyncio.run(story())
