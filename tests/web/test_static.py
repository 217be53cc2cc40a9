import re
from pathlib import Path

from starlette.applications import Starlette

from postroom.web import static
from tests.web.asking import asked

TEMPLATES = Path(static.__file__).parent / "templates"


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


def test_what_paints_a_spot_paints_no_cell_of_a_table() -> None:
    style = asked(Starlette(routes=static.routes()), "/style.css").body.decode()
    spots = re.findall(r"(?:^|[}\s])\.([\w-]+) \{[^}]*inline-block[^}]*background", style)
    assert spots == ["hue"]
    pages = "".join(one.read_text() for one in sorted(TEMPLATES.glob("*.html")))
    assert 'class="hue"' in pages
    assert not re.search(r'<t[dh] class="[^"]*\bhue\b', pages)


def test_the_style_is_ours_and_names_no_other_host() -> None:
    said = asked(Starlette(routes=static.routes()), "/style.css")
    assert said.status == 200
    assert said.headers["content-type"].startswith("text/css")
    assert not re.search(rb"https?:|@import|url\(", said.body)
