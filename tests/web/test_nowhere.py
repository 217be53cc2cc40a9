"""Addresses that are no page."""

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from postroom.web.late import Late
from postroom.web.nowhere import nothing
from tests.web.asking import Said, asked


def here(_request: object) -> PlainTextResponse:
    return PlainTextResponse("here")


APPLICATION = Starlette(
    routes=[Mount("", app=Late(lambda: [Route("/page", here, methods=["GET"])]))],
    exception_handlers={404: nothing},
)


def at(path: str, accept: str, method: str = "GET") -> Said:
    return asked(APPLICATION, path, method=method, headers={"accept": accept})  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/nothing", "/page/below", "/<script>x</script>"])
def test_a_browser_gets_a_page_with_a_way_on(path: str) -> None:
    said = at(path, "text/html,application/xhtml+xml,*/*;q=0.8")
    assert said.status == 404
    assert said.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in said.headers["content-security-policy"]
    assert b'<a href="/">' in said.body
    assert b"script" not in said.body


def test_programs_get_two_words_and_what_is_there_stays() -> None:
    for accept, method in (("*/*", "GET"), ("application/json", "GET"), ("text/html", "POST")):
        said = at("/nothing", accept, method)
        assert (said.status, said.body) == (404, b"Not Found")
    assert at("/page", "text/html").body == b"here"
    assert at("/page", "text/html", "POST").status == 405
