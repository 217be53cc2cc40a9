from html.parser import HTMLParser

import pytest
from hypothesis import given, strategies as st

from postroom.web.mail.cleaning import MAX_DEPTH, MAX_STYLED, cleaned


class _Tags(HTMLParser):
    """The tags of what came out; how deep they are, and what is not nested rightly."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.deepest = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("img", "br", "hr", "wbr", "col", "area"):
            self.open.append(tag)
            self.deepest = max(self.deepest, len(self.open))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def clean(text: str) -> str:
    return cleaned(text, lambda _tag, _name, value: value if value.startswith("https:") else "")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<b>a<i>b</b>c</i>", "<b>a<i>b</i></b>c"),
        ("<P>a<p>b", "<p>a</p><p>b</p>"),
        ("<ul><li>a<ul><li>b</ul><li>c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
        (
            "<table><tr><td>a<td>b<tr><td><table><tr><td>c</table>d",
            "<table><tr><td>a</td><td>b</td></tr><tr><td><table><tr><td>c</td></tr></table>d</td></tr></table>",
        ),
        ("<b><table><tr><td>a</b>b</table>", "<b><table><tr><td>ab</td></tr></table></b>"),
        ("a</p></table>b", "ab"),
        ("1 < 2 &lt;b&gt; &amp;", "1 &lt; 2 &lt;b&gt; &amp;"),
        ("<style>p>a{color:red}</style>x", "<style>p>a{color:red}</style>x"),
        ("<td width=5 WIDTH=6 style='a:\"b\"'>", '<td width="5" style="a:&#34;b&#34;"></td>'),
        ("a<!-- <b> -->b<!doctype html>c<?x?>d", "abcd"),
        ("a<svg><text>b</text></svg>c<svg>d", "acd"),
        ("a<title>b</title><script>c</script><iframe>d</iframe>e<script>f", "ae"),
        ("<form>a<textarea><b></textarea><noscript>c</noscript>", "a&lt;b&gt;c"),
        ('<a href="&#104;ttps://x/?a&amp;b">', '<a href="https://x/?a&amp;b" target="_blank" rel="noopener noreferrer"></a>'),
    ],
)  # fmt: skip
def test_what_is_said_comes_out_nested(text: str, found: str) -> None:
    assert clean(text) == found


@pytest.mark.parametrize(
    "text",
    [
        '<a href="jav&#x09;ascript:bad()">x', '<a href="&#106avascript:bad()">x', "<a href=//bad>x",
        '<a href="\x01javascript:bad()">x', '<a href="data:text/html;base64,bad">x',
        "<img/src=x/onerror=bad()>", "<img src=x onerror =bad()>", '<svg/onload="bad()">',
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=bad()&gt;'>",
        '<noscript><p title="</noscript><img src=x onerror=bad()>">',
        "<svg></p><style><a id='</style><img src=1 onerror=bad()>'>",
        "<form><math><mtext></form><form><mglyph><style></math><img src onerror=bad()>",
        "<template><img src=x onerror=bad()></template>", "<meta http-equiv=refresh content='0;url=bad'>",
        "<base href='https://bad'>", "<link rel=prefetch href='https://bad'>", "<input autofocus onfocus=bad()>",
        "<object data='https://bad'>", "<embed src='https://bad'>", "<iframe srcdoc='<script>bad()</script>'>",
        "<video poster='https://bad'><source src='https://bad'>", "<body onload=bad() background='https://bad'>",
        "<xmp><img src=x onerror=bad()></xmp>", "<plaintext><img src=x onerror=bad()>",
        "<a href='https://x' ping='https://bad'>", "<img srcset='https://bad 2x' src=''>",
        "<p id='a'onclick='bad()'>", "<scr<script>ipt>bad()</script>", "<style></style><img onerror=bad()></style>",
        "<div style='x' / / onclick=bad() / >", "<a\x0chref='javascript:bad()'>",
    ],
)  # fmt: skip
def test_nothing_runs_and_nothing_leads_away(text: str) -> None:
    found = _Tags(clean(text))
    assert found.names <= {"a", "img", "p", "div", "style", "table"}
    assert found.attributes <= {"id", "style", "title", "target", "rel", "href"}
    assert 'href="https://bad' not in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "<div>" * 100_000,
        "<table>" * 50_000,
        "<p>" + "".join([f"<b id={number}>" for number in range(5_000)]) + "<p>x" * 20_000,
        "<li><font size=1>x" * 20_000,
        "<svg>" * 100_000,
        "<svg></svg>" * 50_000,
        "<script>" * 50_000,
        "<!--" * 100_000,
        "<a " + "x=1 " * 100_000,
        "<a " + "=" * 500_000,
        "<p title='" * 50_000,
        "<" * 500_000,
        "&#" * 200_000,
        "<p title='&#" + "9" * 100_000 + ";'>",
        "<a" + " " * 500_000,
        "</p" * 100_000,
    ],
    ids=range(16),
)
def test_no_work_grows_with_the_square(text: str) -> None:
    found = clean(text)
    assert len(found) <= 7 * len(text)
    tags = _Tags(found)
    assert tags.deepest <= MAX_DEPTH
    assert not tags.open


def test_what_a_browser_opens_again_is_not_deep() -> None:
    assert clean("<b id=1><i>" * 1_000).count("<") == 2 * MAX_STYLED


@given(st.text(st.sampled_from("<>/!-=\"'& apbtdrstyle\n\0"), max_size=80))
def test_any_text_comes_out_nested(text: str) -> None:
    tags = _Tags(clean(text))
    assert not tags.open
    assert not tags.attributes & {"onclick", "srcset"}
