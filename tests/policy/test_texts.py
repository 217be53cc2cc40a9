"""What people see of a message."""

import base64
import itertools
import re

import pytest
from hypothesis import given, strategies as st
from selectolax.lexbor import LexborHTMLParser

from postroom.message.scan import scan
from postroom.policy.texts import MAX_DEPTH, MAX_PARTS, MAX_TEXT, Reading, harmless, read


def reading(letter: bytes) -> Reading:
    tree = scan(letter)
    return read(tree, letter[tree.body_start :], tree.body_start)


def html(body: str) -> Reading:
    return reading(b"Content-Type: text/html; charset=utf-8\r\n\r\n" + body.encode())


def test_plain_text_and_its_links() -> None:
    found = reading(b"Subject: x\r\n\r\nHello at http://example.com/a today\r\n")
    assert found.texts == ["Hello at http://example.com/a today\r\n"]
    assert [link.host for link in found.links] == ["example.com"]
    assert found.marks == []


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_transfer_encoding_and_charset_are_undone(encoding: str) -> None:
    octets = "größe".encode("latin-1")
    body = base64.b64encode(octets) if encoding == "base64" else b"gr=F6=DFe"
    found = reading(
        b"Content-Type: text/plain; charset=iso-8859-1\r\n"
        b"Content-Transfer-Encoding: " + encoding.encode() + b"\r\n\r\n" + body
    )
    assert found.texts == ["größe"]


def test_html_is_its_text_and_its_links() -> None:
    found = html(
        "<title>t</title><script>evil()</script><style>p {}</style>"
        "<p>Dear <b>friend</b></p><a href='http://evil.example/'>www.bank.example</a>"
        "<a href='mailto:a@b.example'>us</a><img src='https://c.example/i.png'><form></form>"
    )
    assert found.texts[0].split() == ["Dear", "friend", "www.bank.example", "us"]
    assert [link.host for link in found.links] == ["evil.example", "c.example"]
    assert set(found.marks) == {
        "link:elsewhere", "link:mailto", "html:form", "html:images", "html:mostly-images",
        "text:html-only",
    }  # fmt: skip


@pytest.mark.parametrize(
    "style",
    ["display:none", "DISPLAY: NONE", "visibility:hidden", "font-size:0", "color:red;max-height:0"],
)
def test_what_nobody_sees_is_no_text(style: str) -> None:
    found = html(f"<p>seen</p><div style='{style}'>minutes of the <b>meeting</b></div>")
    assert found.texts == ["seen"]
    assert found.hidden == ["minutes of the meeting"]
    assert "text:hidden" in found.marks


def test_hidden_inside_hidden() -> None:
    found = html("<div hidden>a<span hidden>b</span></div><p>c</p>")
    assert found.texts == ["c"]


def test_a_body_that_is_hidden_itself_and_elements_inside_their_like() -> None:
    found = html("<body hidden style='display:none'><p>seen</p><i hidden>not</i></body>")
    assert (found.texts, found.hidden) == (["seen"], ["not"])
    deep = "<div hidden>" * 500 + "x" + "</div>" * 500
    assert html(deep + "<p>y</p>").texts == ["y"]
    nested = "<svg><style>a<style>b</style></style></svg>" * 50
    assert html(nested + "<p>y</p>").texts[0].split() == ["y"]
    assert len(html("<i hidden>x</i>" * 500).hidden) == 100


def test_html_beside_plain_text_and_html_that_is_called_plain() -> None:
    found = reading(
        b"Content-Type: multipart/alternative; boundary=b\r\n\r\n"
        b"--b\r\n\r\nplain\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>html</p>\r\n--b--\r\n"
    )
    assert [text.strip() for text in found.texts] == ["plain", "html"]
    assert found.marks == ["text:html-and-plain"]
    called = reading(b"Content-Type: text/plain\r\n\r\n  <HTML><body>x</body></HTML>")
    assert called.marks == ["text:html-only"]


def test_a_message_without_text() -> None:
    assert reading(b"Content-Type: image/png\r\n\r\nxx").marks == ["text:none"]
    assert reading(b"Subject: x\r\n\r\n").marks == ["text:none"]


def test_bounds() -> None:
    assert len(reading(b"\r\n" + b"word " * 100_000).texts[0]) == MAX_TEXT
    parts = b"".join(b"--b\r\n\r\npart\r\n" for _ in range(900))
    letter = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n"
    assert len(reading(letter).texts) == MAX_PARTS
    assert len(html("<a href='http://a.example'>x</a>" * 3_000).links) <= 200
    assert html("<div>" * 13_000).texts[0].isspace()


def test_a_body_that_is_cut_off() -> None:
    letter = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nfirst\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.b64encode(b"second" * 50) + b"\r\n--b--\r\n"
    )  # fmt: skip
    tree = scan(letter)
    body = letter[tree.body_start :]
    for end in range(len(body)):
        read(tree, body[:end], tree.body_start)


@given(st.binary(max_size=400))
def test_nothing_raises(octets: bytes) -> None:
    reading(b"Content-Type: text/html\r\n\r\n" + octets)
    reading(octets)


def test_elements_that_open_again_and_again_do_not_fill_the_memory() -> None:
    names = ("b", "I", "font", "a href=x", "nobr", "strong")
    for name in names:
        opened = "".join(f"<{name} id={number}>" for number in range(300))
        markup = f"<p>{opened}" + "<p>x" * 1000
        found = LexborHTMLParser(harmless(markup)).css("*")
        assert len(found) < 6 * (300 + 1000), name


def test_links_and_looks_survive_it() -> None:
    markup = '<B>a</B><font style="display:none">c</font><a href="http://x.test">d</a><body><br>'
    assert harmless(markup) == (
        '<span>a</span><span style="display:none">c</span><a href="http://x.test">d</a><body><br>'
    )


@pytest.mark.parametrize("opening", ["<g>", "<li><ul>", "<I>", "<div\nhidden='a'>", "<x/>"])
def test_few_elements_stand_inside_each_other(opening: str) -> None:
    """Each that ends is sought among all that are open."""
    ending = "</" + opening.rpartition("<")[2][:1] + ">"
    inside = '<a href="http://example.com/">here</a>'
    markup = opening * 1000 + inside + ending * 1000 + "<p>after</p>"
    left = harmless(markup)
    deepest = max(itertools.accumulate(
        -1 if end else 1 for end in re.findall(r"<(/?)(?!li|p|a)[a-z]", left)
    ))  # fmt: skip
    assert deepest == MAX_DEPTH
    assert inside in left
    assert left.endswith("<p>after</p>")
    found = html(markup)
    assert [link.host for link in found.links] == ["example.com"]


def test_what_stands_side_by_side_is_left_as_it_is() -> None:
    markup = "<table><tr><td>x<br><img></td></tr></table>" * 500
    assert harmless(markup) == markup
    assert harmless("") == ""
