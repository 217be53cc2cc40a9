"""The MIME tree as JMAP has it; the algorithm of RFC 8621 §4.1.4 against the RFC's own words."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.web.jmap import bodies
from postroom.web.jmap.bodies import Node, nodes, shown, truncated, value_of
from tests.web.mail.letters import PLAIN, RICH

LEAVES = st.builds(
    Part,
    content_type=st.sampled_from(
        [("text", "plain"), ("text", "html"), ("image", "png"), ("application", "pdf"),
         ("text", "calendar"), ("message", "rfc822"), ("audio", "ogg")]
    ),
    disposition=st.sampled_from([None, ("inline", ()), ("attachment", ())]),
    parameters=st.sampled_from([(), ((b"name", b"a.txt"),)]),
)  # fmt: skip
TREES = st.recursive(
    LEAVES,
    lambda inner: st.builds(
        Part,
        content_type=st.sampled_from(
            [("multipart", "mixed"), ("multipart", "alternative"), ("multipart", "related")]
        ),
        children=st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=12,
)


def is_media(node: Node) -> bool:
    return node.type.startswith(("image/", "audio/", "video/"))


def rfc(parts: list[Node], kind: str, is_in: bool, html: Any, text: Any, files: list[Node]) -> None:  # noqa: PLR0912
    """``parseStructure`` of RFC 8621 §4.1.4, line by line."""
    text_length = len(text) if text is not None else -1
    html_length = len(html) if html is not None else -1
    for i, part in enumerate(parts):
        is_multipart = part.type.startswith("multipart/")
        is_inline = (
            part.disposition != "attachment"
            and (part.type in ("text/plain", "text/html") or is_media(part))
            and (i == 0 or (kind != "related" and (is_media(part) or not part.name)))
        )
        if is_multipart:
            sub = part.type.split("/")[1]
            rfc(part.children, sub, is_in or sub == "alternative", html, text, files)
        elif is_inline:
            if kind == "alternative":
                if part.type == "text/plain":
                    if text is not None:
                        text.append(part)
                elif part.type == "text/html":
                    if html is not None:
                        html.append(part)
                else:
                    files.append(part)
                continue
            if is_in:
                if part.type == "text/plain":
                    html = None
                if part.type == "text/html":
                    text = None
            if text is not None:
                text.append(part)
            if html is not None:
                html.append(part)
            if (text is None or html is None) and is_media(part):
                files.append(part)
        else:
            files.append(part)
    if kind == "alternative" and text is not None and html is not None:
        if text_length == len(text) and html_length != len(html):
            text.extend(html[html_length:])
        if html_length == len(html) and text_length != len(text):
            html.extend(text[text_length:])


@given(TREES)
def test_the_algorithm_is_that_of_the_rfc(tree: Part) -> None:
    top = nodes(tree)
    text: list[Node] = []
    html: list[Node] = []
    files: list[Node] = []
    rfc([top], "mixed", False, html, text, files)
    found = shown(top)
    assert [node.path for node in found.text] == [node.path for node in text]
    assert [node.path for node in found.html] == [node.path for node in html]
    assert [node.path for node in found.attachments] == [node.path for node in files]
    ids = [node.id for node in top.below() if not node.is_multipart]
    assert len(ids) == len(set(ids))


def test_the_parts_of_letters() -> None:
    plain, rich = nodes(scan(PLAIN)), nodes(scan(RICH))
    assert (plain.id, plain.type, plain.charset) == ("1", "text/plain", "us-ascii")
    assert [node.id for node in rich.below()][:4] == ["1", "1", "1.1", "1.1.1"]
    found = shown(rich)
    assert [node.id for node in found.text] == ["1.1.1"]
    assert [node.id for node in found.html] == ["1.1.2"]
    assert [(node.id, node.cid) for node in found.attachments] == [
        ("1.2", "logo@shop.test"),
        ("2", None),
    ]
    assert found.has_attachment
    assert not shown(plain).has_attachment


def test_a_very_deep_tree() -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(200)
    )
    found = shown(nodes(scan(deep + b"\r\nend")))
    assert len(found.text) == 1


def test_what_fields_say() -> None:
    part = scan(
        b"Content-Type: text/plain; charset=X\r\nContent-ID: <a@b> (c)\r\n"
        b"Content-Language: de, en\r\nContent-Location: x:/y\r\n"
        b"Content-Disposition: Attachment; filename*=utf-8''%C3%BC.txt\r\n\r\nx"
    )
    node = nodes(part)
    assert (node.cid, node.language, node.location) == ("a@b", ["de", "en"], "x:/y")
    assert (node.disposition, node.name, node.charset) == ("attachment", "ü.txt", "X")
    other = nodes(scan(b"Content-Type: image/png\r\nContent-ID:\r\n\r\n"))
    assert (other.cid, other.charset, other.name, other.language) == (None, None, None, None)


@pytest.mark.parametrize(
    ("fields", "octets", "value", "is_problem"),
    [
        (b"", b"a\r\nb", "a\nb", False),
        (b"", b"gr\xc3\xbcn", "grün", False),
        (b"", b"gr\xfcn", "grün", True),
        (b"; charset=utf-8", b"gr\xfcn", "gr\ufffdn", True),
        (b"; charset=iso-8859-1", b"gr\xfcn", "grün", False),
        (b"; charset=x-no-such", b"gr\xfcn", "grün", True),
        (b"; charset=utf-16be", b"\xd8\x00", "\ufffd", True),
        (b"; charset=utf-8", b"a\0b", "ab", False),
    ],
)
def test_values(fields: bytes, octets: bytes, value: str, is_problem: bool) -> None:
    part = scan(b"Content-Type: text/plain" + fields + b"\r\n\r\n" + octets)
    assert value_of(part, octets, 0) == (value, is_problem, False)


def test_an_unknown_encoding_is_a_problem() -> None:
    part = scan(b"Content-Transfer-Encoding: x-rot\r\n\r\nabc")
    assert value_of(part, b"abc", 0) == ("abc", True, False)


def test_values_are_cut_between_characters_and_tags() -> None:
    assert truncated("grün", 3, is_html=False) == ("gr", True)
    assert truncated("grün", 5, is_html=False) == ("grün", False)
    assert truncated("grün", 0, is_html=False) == ("grün", False)
    assert truncated('a<b>c<a href="x">', 9, is_html=True) == ("a<b>c", True)
    assert truncated("a<b>cdefgh", 9, is_html=True) == ("a<b>cdefg", True)
    part = scan(b"Content-Type: text/plain; charset=utf-8\r\n\r\n")
    assert value_of(part, "grü".encode()[:3], 0, is_cut=True) == ("gr", False, True)
    assert value_of(part, b"gr\xfc..\xc3", 0, is_cut=True) == ("gr\ufffd..", True, True)
    guess = scan(b"\r\n")
    assert value_of(guess, "grü".encode()[:3], 0, is_cut=True).is_truncated
    assert not value_of(guess, b"gr\xc3", 0, is_cut=True).is_encoding_problem


@given(st.text(max_size=50), st.integers(1, 60), st.booleans())
def test_a_cut_value_is_a_beginning(text: str, most: int, is_html: bool) -> None:
    cut, is_cut = truncated(text, most, is_html=is_html)
    assert text.startswith(cut)
    assert len(cut.encode()) <= most
    assert is_cut is (cut != text)


def test_properties_are_named_once() -> None:
    assert set(bodies.DEFAULT) < bodies.PROPERTIES
