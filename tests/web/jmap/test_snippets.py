"""SearchSnippet/get, and how words are marked."""

import html
import re
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from postroom.message.casemap import casemap
from postroom.web.jmap import condition, snippets
from postroom.web.jmap.snippets import marked
from tests.conftest import Opener
from tests.web.jmap.client import Client, tell
from tests.web.jmap.mail import file


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("a Foo b", ("FOO",), "a <mark>Foo</mark> b"),
        ("x < foo&", ("FOO",), "x &lt; <mark>foo</mark>&amp;"),
        ("foobar", ("FOO", "OBA"), "<mark>fooba</mark>r"),
        ("Größe", ("GRO\u0308",), "<mark>Grö</mark>ße"),
        ("\u2460x", ("1",), "<mark>\u2460</mark>x"),
        ("nothing", ("X",), None),
        ("", ("X",), None),
    ],
)
def test_words_are_marked(text: str, words: tuple[str, ...], expected: str | None) -> None:
    assert marked(text, words, 255, 40) == expected


def test_an_excerpt_is_short() -> None:
    long = "<" * 300 + "needle" + "&" * 300
    found = marked(long, ("NEEDLE",), 255, 40)
    assert found is not None
    assert "<mark>needle</mark>" in found
    assert len(found.encode()) <= 255
    assert marked("ü" * 300 + "x" * 400, ("X" * 400,), 255, 5) is not None


@given(st.text(max_size=80), st.text(min_size=1, max_size=3), st.integers(20, 100))
def test_of_any_text_comes_html(text: str, word: str, most: int) -> None:
    found = marked(text, (casemap(word) or "X",), most, 5)
    if found is not None:
        assert len(found.encode()) <= most
        plain = html.unescape(re.sub("</?mark>", "", found))
        assert plain in text
        assert found.count("<mark>") == found.count("</mark>")


def test_words_that_a_match_must_have() -> None:
    tree = condition.tree(
        {
            "operator": "AND",
            "conditions": [
                {"text": "both 'a b'", "from": "x"},
                {"operator": "NOT", "conditions": [{"subject": "never"}]},
                {"operator": "OR", "conditions": [{"subject": "s"}, {"body": "b"}]},
            ],
        }
    )
    found = snippets.words(tree)
    assert set(found.subject) == {"BOTH", "A B", "S"}
    assert set(found.body) == {"BOTH", "A B", "B"}
    assert snippets.words(None) == ((), ())


def test_snippets_of_messages(database: Opener, data: Path) -> None:
    letter = (
        b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <you>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b"<p>Some <b>words</b> &lt;here&gt;</p>" + b"<p>filler</p>" * 100
    )

    async def story(client: Client) -> None:
        (one,) = await file(client, letter)
        (other,) = await file(client, b"Subject: words\r\n\r\nnone\r\n")
        found = await client.call(
            "SearchSnippet/get", filter={"text": "words"}, emailIds=[other, one, "M1", one]
        )
        assert [entry["emailId"] for entry in found["list"]] == [other, one]
        assert found["notFound"] == ["M1"]
        first, second = found["list"]
        assert (first["subject"], first["preview"]) == ("<mark>words</mark>", None)
        assert second["subject"] is None
        assert second["preview"].startswith("Some <mark>words</mark> &lt;here&gt;")
        assert len(second["preview"].encode()) <= 255
        found = await client.call("SearchSnippet/get", filter={"subject": "GRÜ"}, emailIds=[one])
        assert found["list"][0]["subject"] == "<mark>Grü</mark>ße &lt;you&gt;"
        assert (found["list"][0]["preview"], found["notFound"]) == (None, None)
        found = await client.call("SearchSnippet/get", filter=None, emailIds=[one])
        assert found["list"] == [{"emailId": one, "subject": None, "preview": None}]
        for wrong in ({"emailIds": None}, {"emailIds": [1]}, {"emailIds": [], "surprise": 1}):
            error = await client.fails("SearchSnippet/get", wrong, filter=None)
            assert error["type"] == "invalidArguments"
        many = [f"M{at:x}" for at in range(1, 1002)]
        error = await client.fails("SearchSnippet/get", filter=None, emailIds=many)
        assert error["type"] == "requestTooLarge"

    tell(database, data, story)
