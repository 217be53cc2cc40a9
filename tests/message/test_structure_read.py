"""BODYSTRUCTURE that is read back is what it was written from."""

import pytest
from hypothesis import given, strategies as st

from postroom.message.part import Part
from postroom.message.scan import scan
from postroom.message.structure import bodystructure
from postroom.message.structure_read import parts
from tests.web.mail.letters import PLAIN, RICH

NESTED = (
    b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: message/rfc822\r\n"
    b'Content-Disposition: attachment; filename="a \\"b\\".eml"\r\n\r\n'
    b"Subject: in ( \r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nx\r\n"
    b"--b--\r\n--a\r\nContent-Type: multipart/related; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c\r\n"
    b"Content-Type: text/plain\r\nContent-Disposition: inline; filename*=utf-8''%C3%BC\r\n\r\n"
    b"y\r\n--c--\r\n--a--\r\n"
)


def same(one: Part, other: Part) -> None:
    assert one.content_type == other.content_type
    assert (one.disposition or ("",))[0] == (other.disposition or ("",))[0]
    assert len(one.children) == len(other.children)
    for left, right in zip(one.children, other.children, strict=True):
        same(left, right)


@pytest.mark.parametrize("letter", [PLAIN, RICH, NESTED, b"", b"Content-Type: x/y\r\n\r\n"])
def test_letters(letter: bytes) -> None:
    tree = scan(letter)
    found = parts(bodystructure(tree))
    same(found, tree)
    if letter == NESTED:
        assert found.children[0].disposition == (
            "attachment",
            ((b"filename", b'a "b".eml'),),
        )


@given(st.binary(max_size=200))
def test_names_of_any_octets(name: bytes) -> None:
    part = Part(content_type=("image", "png"), parameters=((b"name", name),), id=name)
    found = parts(bodystructure(part))
    assert found.parameters == ((b"name", name.replace(b"\0", b"")),)


@given(st.binary(max_size=100))
def test_what_is_none_of_ours_is_some_tree(text: bytes) -> None:
    parts(text)


@pytest.mark.parametrize("text", [b"", b"NIL", b"()", b"(()())", b'(("a" "b") "c")', b"(" * 500])
def test_what_is_broken(text: bytes) -> None:
    assert isinstance(parts(text), Part)
