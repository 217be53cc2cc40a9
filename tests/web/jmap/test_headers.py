"""Header fields in every form, and of any octets."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from postroom.web.jmap import headers
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.headers import FORMS, Block


def of(head: bytes, name: str) -> Any:
    return headers.read(name).of(Block(head))


HEAD = (
    b"Received: from a\r\n\tby b\r\n"
    b"From: =?utf-8?q?J=C3=B6?= <jo@x.test>\r\n"
    b'To: "A, B" <"a b"@x.test>, friends: c@x.test, "D" <d@x.test>;, e@x.test (Eve)\r\n'
    b"Subject: =?utf-8?b?4pyT?= \r\n ok\r\n"
    b"Message-ID: <one@x.test>\r\nReferences: <a@x> (no)\r\n <b@x>\r\n"
    b"In-Reply-To: yours of Monday\r\n"
    b"Date: Tue, 10 Jul 2018 01:03:11 +0200\r\n"
    b"List-Post: NO, <mailto:l@x.test>, (<no>) <https://x.test/\r\n ?a>\r\n"
    b"X-Two: 1\r\nX-Two:  2 \r\nX-Eight: \xff\0z\r\n\r\nbody"
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("header:Received", " from a\r\n\tby b"),
        ("header:x-two", "  2 "),
        ("header:x-two:all", [" 1", "  2 "]),
        ("header:X-TWO:asText:all", ["1", "2"]),
        ("header:X-None", None),
        ("header:X-None:all", []),
        ("header:X-Eight", " \ufffdz"),
        ("header:X-Eight:asText", "ÿz"),
        ("header:Subject:asText", "✓  ok"),
        ("header:From:asAddresses", [{"name": "Jö", "email": "jo@x.test"}]),
        (
            "header:To:asAddresses",
            [
                {"name": "A, B", "email": '"a b"@x.test'},
                {"name": None, "email": "c@x.test"},
                {"name": "D", "email": "d@x.test"},
                {"name": "Eve", "email": "e@x.test"},
            ],
        ),
        (
            "header:To:asGroupedAddresses",
            [
                {"name": None, "addresses": [{"name": "A, B", "email": '"a b"@x.test'}]},
                {
                    "name": "friends",
                    "addresses": [
                        {"name": None, "email": "c@x.test"},
                        {"name": "D", "email": "d@x.test"},
                    ],
                },
                {"name": None, "addresses": [{"name": "Eve", "email": "e@x.test"}]},
            ],
        ),
        ("header:Message-ID:asMessageIds", ["one@x.test"]),
        ("header:References:asMessageIds", ["a@x", "b@x"]),
        ("header:In-Reply-To:asMessageIds", None),
        ("header:Date:asDate", "2018-07-10T01:03:11+02:00"),
        ("header:X-Two:asDate", None),
        ("header:X-Two:asURLs", None),
        ("header:List-Post:asURLs", ["mailto:l@x.test", "https://x.test/?a"]),
    ],
)
def test_forms(name: str, value: object) -> None:
    assert of(HEAD, name) == value


@pytest.mark.parametrize(
    "name",
    [
        "header:", "header::asText", "header:a b", "header:From:asDate", "header:from:asText",
        "header:Subject:asAddresses", "header:Date:asText", "header:Received:asText",
        "header:List-Post:asText", "header:Message-ID:asURLs", "header:X:asNothing",
        "header:X:all:asText", "header:X:asText:all:all", "header:X:asText:asText", "header:ü",
        "header:" + "x" * 300,
    ],
)  # fmt: skip
def test_what_is_refused(name: str) -> None:
    with pytest.raises(MethodError) as caught:
        headers.read(name)
    assert caught.value.kind == "invalidArguments"


def test_the_last_of_several_counts() -> None:
    assert of(b"To: a@x\r\nTO: b@x\r\n\r\n", "header:to:asAddresses") == [
        {"name": None, "email": "b@x"}
    ]


def test_a_date_in_utc_and_one_that_none_can_write() -> None:
    assert of(b"Date: 1 Jan 2000 00:00:00 GMT\r\n\r\n", "header:Date:asDate") == (
        "2000-01-01T00:00:00Z"
    )
    assert of(b"Date: 1 Jan 0001 00:00:00 +2359\r\n\r\n", "header:Date:asDate") is None


def test_the_fields_as_they_stand() -> None:
    told = [field.told() for field in Block(b"A:b\r\nnone\r\nC : d\r\n e\r\n\r\nF: g").fields]
    assert told == [{"name": "A", "value": "b"}, {"name": "C", "value": " d\r\n e"}]
    assert Block(b"\r\nA: b").fields == []
    assert Block(b"A: b").values(b"a") == [b" b"]


LINES = st.lists(
    st.tuples(
        st.sampled_from([b"From", b"To", b"Subject", b"Date", b"References", b"X"]),
        st.binary(max_size=60).map(lambda octets: octets.replace(b"\n", b"\r\n ")),
    ),
    max_size=5,
)


@given(LINES)
def test_of_any_octets_comes_json(lines: list[tuple[bytes, bytes]]) -> None:
    block = Block(b"".join(name + b":" + value + b"\r\n" for name, value in lines) + b"\r\n")
    told = [field.told() for field in block.fields]
    told_as = [[make(field.value) for make in FORMS.values()] for field in block.fields]
    text = msgspec.json.encode([told, told_as])
    assert "\\u0000" not in text.decode()
    assert json.loads(text) == json.loads(json.dumps([told, told_as]))


@pytest.mark.parametrize(
    "value",
    [
        b"=?utf-16?b?2AA=?=", b"=?utf-7?q?+2AA-?=", b"(" * 50_000, b"<" * 50_000, b"a@" * 50_000,
        b'"' * 50_001, b"=?" * 50_000, b"<>" * 50_000, b"\r\n " * 30_000, b"((a)" * 20_000,
        b":;" * 50_000,
    ],
)  # fmt: skip
def test_hostile_fields(value: bytes) -> None:
    for make in FORMS.values():
        msgspec.json.encode(make(value))
