"""HTML as text."""

import re

import pytest
from hypothesis import given, strategies as st

from postroom.message.htmltext import MAX_MARKUP, html_text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("plain  words\r\n here", "plain words here"),
        ("<p>one<p>two <b>bo</b>ld</p>", "one\ntwo bold"),
        ("a<br>b<BR/>c<hr />d", "a\nb\nc\nd"),
        ("<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>", "1 2\n3"),
        ("<ul><li>x</li><li>y</li></ul>", "x\ny"),
        ("&lt;p&gt; &amp;amp; &eacute;&#233;&#xE9; &nosuch; &nbsp;x", "<p> &amp; ééé &nosuch; x"),
        ("&#0;&#xD800;&#9999999999999;&#xFFFFFFFFFFFF", "\ufffd\ufffd\ufffd\ufffd"),
        ("a<!-- c > d -->b<!-->c<!--->d<!-- e --!>f<!x>g<?y>h</ z>i", "abcdfghi"),
        ("a<script>var x = '<p>no</p>';</script >b", "ab"),
        ("<head><title>t</title><style type='a'>p { }</style></head>body", "body"),
        ("<STYLE>x</style><template><p>y</p></template>z", "z"),
        ("<script>never ends", ""),
        ("a<!-- never ends <p>b", "a"),
        ('<img alt="a > b" src=x>c', "c"),
        ("<p title='>'>c", "c"),
        ("<p title=don't>it's</p>", "it's"),
        ('<p title="never ends>c', ""),
        ("a < b and c <3 d", "a < b and c <3 d"),
        ("<scripted>x</scripted>", "x"),
        ("x<blockquote>q<br>r<blockquote>s</blockquote>t</blockquote>u", "x\n> q\n> r\n> s\n> t\nu"),
        ("</blockquote>a", "a"),
        ("a\x00\x02b&#2;c", "abc"),
    ],
)  # fmt: skip
def test_text(markup: str, text: str) -> None:
    assert html_text(markup) == text


BOMBS = [
    "<p",
    "<",
    "<!--",
    "<script>",
    "<script",
    "<style ",
    "&",
    "&#",
    "&#9",
    '<a b="',
    "<a b='\">",
    "<a =",
    "</",
    "<!",
    "<blockquote>",
    "<title><!--",
    "\x02",
    " ",
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_work_grows_with_the_input_only(bomb: str) -> None:
    """A pattern that were not linear would not come back from this in the life of a test."""
    assert isinstance(html_text(bomb * (MAX_MARKUP // len(bomb))), str)


def test_more_than_the_most_is_not_looked_at() -> None:
    assert html_text("a" * MAX_MARKUP + "b") == "a" * MAX_MARKUP


@given(st.text(st.sampled_from("<>/!-=\"' &;#xpbscriptq\n\x02\u00a0"), max_size=60))
def test_nothing_raises_and_lines_are_folded(markup: str) -> None:
    for line in html_text(markup).split("\n"):
        assert line == " ".join(line.split())
        assert not re.search("[\x00-\x1f]", line)
