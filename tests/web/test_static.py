import re

from starlette.applications import Starlette

from postroom.web import static
from tests.web.asking import asked


def test_scripts_are_ours_and_ask_no_host() -> None:
    said = asked(Starlette(routes=static.routes()), "/passkeys.js")
    assert said.status == 200
    assert said.headers["content-type"].startswith("text/javascript")
    assert not re.search(rb"https?:|fetch|XMLHttp|eval|import\b", said.body)


def test_progress_is_asked_of_the_page_itself() -> None:
    said = asked(Starlette(routes=static.routes()), "/progress.js")
    assert said.headers["content-type"].startswith("text/javascript")
    assert re.findall(rb"fetch\((.*?),", said.body) == [b'location.href.split("#")[0]']
    assert not re.search(rb"https?:|XMLHttp|eval|import\b|innerHTML", said.body)


def test_the_style_is_ours_and_names_no_other_host() -> None:
    said = asked(Starlette(routes=static.routes()), "/style.css")
    assert said.status == 200
    assert said.headers["content-type"].startswith("text/css")
    assert not re.search(rb"https?:|@import|url\(", said.body)
