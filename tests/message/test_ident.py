import pytest
from hypothesis import given, strategies as st

from postroom.message import headers, ident
from postroom.message.part import Fields
from tests import absent
from tests.message import letters


def test_vectors() -> None:
    cases = letters.vectors("id.json")
    for case in cases:
        value = headers.value(b"X:" + case["header"].encode(), b"x") or b""
        assert ident.ids(value) == (case["expected"] or [])
    assert len(cases) == 11 or not absent.vectors("mime", "id.json")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<a@b><c@d>", ["a@b", "c@d"]),
        (b"words <a@b> more", ["a@b"]),
        (b"<a\0b@c>", ["ab@c"]),
        (b"<\xc3\xa9@\xff>", ["\xe9@\ufffd"]),
        (b"< a@b >", ["a@b"]),
        (b"<" + b"x" * 2000 + b">", ["x" * 998]),
        (b"<<a@b>", ["a@b"]),
        (b"<>", []),
        (b"< >", []),
        (b"", []),
    ],
)
def test_ids(value: bytes, expected: list[str]) -> None:
    assert ident.ids(value) == expected


def _fields(**values: bytes) -> Fields:
    return {name.replace("_", "-").encode(): [value] for name, value in values.items()}


def test_message_id() -> None:
    assert ident.message_id(_fields(message_id=b"<a@b>")) == "a@b"
    assert ident.message_id({b"message-id": [b"", b"<c@d>"]}) == "c@d"
    assert ident.message_id({}) == ""


def test_references() -> None:
    assert ident.references({}) == ()
    fields = _fields(references=b"<1> <2> <1>", in_reply_to=b"<3> <4>", message_id=b"<2>")
    assert ident.references(fields) == ("1", "3")
    words = _fields(in_reply_to=b"Your message of Monday")
    assert ident.references(words) == ()
    assert ident.references(_fields(in_reply_to=b"Yours of Monday <5>")) == ("5",)


def test_references_keep_the_root_and_the_latest() -> None:
    many = b" ".join(b"<%d>" % number for number in range(1000))
    found = ident.references(_fields(references=many))
    assert found == ("0", *(str(number) for number in range(901, 1000)))
    assert len(found) == ident.MAX_REFERENCES


def test_a_thread_is_known_by_its_first_letter() -> None:
    root = ident.thread_id("root@x", (), 7)
    assert root == ident.thread_id("reply@x", ("root@x",), 8)
    assert root == ident.thread_id("", ("root@x", "reply@x"), 9)
    assert root != ident.thread_id("reply@x", (), 8)
    assert 0 <= root < 1 << 63
    assert ident.thread_id("", (), 7) == 7


@given(st.binary(max_size=100))
def test_any_octets(value: bytes) -> None:
    for found in [*ident.ids(value), *ident.ids(b"<" + value + b">")]:
        assert found
        assert len(found) <= ident.MAX_ID
        assert not set(found) & {"\0", "\r", "\n"}
