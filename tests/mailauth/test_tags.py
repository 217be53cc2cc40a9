"""Tag lists."""

import pytest
from hypothesis import given, strategies as st

from postroom.mailauth.tags import MAX_TAGS, BadTags, compact, parse


def test_what_is_read() -> None:
    text = b" v = 1;\r\n\td=example.org ; b=ab\r\n cd== ;x_1=; n=a=b;\r\n "
    assert parse(text) == {"v": "1", "d": "example.org", "b": "ab\r\n cd==", "x_1": "", "n": "a=b"}
    assert list(parse(b"b=1;a=2")) == ["b", "a"]
    assert parse(b"") == {}
    assert compact("ab\r\n cd==") == "abcd=="


@pytest.mark.parametrize(
    "text",
    [b"v", b"=1", b"v=1;;d=x", b"1v=1", b"v=1;v=1", b"a b=1", b"\xff=1", b"a=1;" * (MAX_TAGS + 1)],
)
def test_what_is_no_list(text: bytes) -> None:
    with pytest.raises(BadTags):
        parse(text)


@given(st.binary(max_size=60))
def test_nothing_else_is_raised(text: bytes) -> None:
    try:
        parse(text)
    except BadTags:
        pass
