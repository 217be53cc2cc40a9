"""Header fields from properties: each form, what is refused, and that it is read back the same."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, strategies as st

from postroom.message import addresses, dates, headers
from postroom.message.charset import decode, decode_words
from postroom.web.jmap.errors import SetError
from postroom.web.jmap.fields_write import MAX_FIELD, Unfit, field_of, fields, moment


def head(properties: dict[str, Any]) -> bytes:
    octets = b"".join([octets for _, octets in fields(properties)])
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))
    assert octets.replace(b"\r\n", b"").translate(None, b"\r\n") == octets.replace(b"\r\n", b"")
    return octets + b"\r\n"


def refused(properties: dict[str, Any]) -> SetError:
    with pytest.raises(SetError) as error:
        fields(properties)
    return error.value


@pytest.mark.parametrize(
    ("properties", "octets"),
    [
        ({"subject": "Hello"}, b"Subject: Hello\r\n"),
        ({"subject": "Grüße"}, b"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n"),
        ({"subject": None}, b""),
        ({"messageId": ["a@b"]}, b"Message-ID: <a@b>\r\n"),
        ({"references": ["a@b", "c@d"]}, b"References: <a@b>\r\n <c@d>\r\n"),
        ({"sentAt": "2026-12-24T18:00:00+01:00"}, b"Date: Thu, 24 Dec 2026 18:00:00 +0100\r\n"),
        ({"from": [{"name": "A, B", "email": "a@b.test"}]}, b'From: "A, B" <a@b.test>\r\n'),
        (
            {"to": [{"name": None, "email": "a@b.test"}, {"email": "c"}]},
            b"To: a@b.test,\r\n c\r\n",
        ),
        ({"header:X-A": " raw\r\n more"}, b"X-A: raw\r\n more\r\n"),
        ({"header:X-A:all": [" 1", " 2"]}, b"X-A: 1\r\nX-A: 2\r\n"),
        ({"header:X-A:asText:all": ["1", "2"]}, b"X-A: 1\r\nX-A: 2\r\n"),
        (
            {"header:List-Post:asURLs": ["mailto:a@b", "https://b/"]},
            b"List-Post: <mailto:a@b>,\r\n <https://b/>\r\n",
        ),
        (
            {
                "header:To:asGroupedAddresses": [
                    {"name": "us", "addresses": [{"email": "a@b.test"}, {"email": "c@d.test"}]},
                    {"name": "none", "addresses": []},
                    {"name": None, "addresses": [{"email": "e@f.test"}]},
                ]
            },
            b"To: us: a@b.test,\r\n c@d.test;,\r\n none:;,\r\n e@f.test\r\n",
        ),
    ],
)
def test_every_form_is_written(properties: dict[str, Any], octets: bytes) -> None:
    assert head(properties) == octets + b"\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("subject", 7),
        ("subject", "a\r\nBcc: x@y"),
        ("subject", "\ud800"),
        ("header:X-A", " a\r\nBcc: x@y"),
        ("header:X-A", " a\nBcc: x@y"),
        ("header:X-A", " a\r\n \r\n b"),
        ("header:X-A", " a\r\n"),
        ("header:X-A", " \x00"),
        ("header:X-A", " " + "x" * 999),
        ("header:X-A:all", " a"),
        ("header:X-A:asText:all", None),
        ("header:X A", " a"),
        ("header:", " a"),
        ("header:X-A:asNothing", " a"),
        ("header:X-A:asText:asText", "a"),
        ("header:Subject:asDate", "2026-12-24T18:00:00Z"),
        ("header:From:asText", "a@b"),
        ("header:Received:asText", "x"),
        ("messageId", "a@b"),
        ("messageId", ["a b"]),
        ("messageId", ["<a@b>"]),
        ("header:List-Post:asURLs", ["mailto:ü"]),
        ("from", {"email": "a@b"}),
        ("from", [{"name": "x"}]),
        ("from", [{"email": "a@b, c@d"}]),
        ("from", [{"email": "a@b>"}]),
        ("from", [{"email": "a@"}, {"email": "@b"}]),
        ("from", [{"email": ""}]),
        ("from", [{"email": "a@b", "other": 1}]),
        ("from", [{"email": "a@b", "name": "x\r\ny"}]),
        ("from", [{"email": "a@b", "name": 7}]),
        ("header:To:asGroupedAddresses", [{"name": "a", "addresses": None}]),
        ("sentAt", "2026-12-24"),
        ("sentAt", "2026-13-24T18:00:00Z"),
        ("sentAt", "0001-01-01T00:00:00+10:00"),
        ("sentAt", 7),
    ],
)
def test_what_no_field_could_say_is_refused(name: str, value: object) -> None:
    error = refused({name: value})
    assert (error.kind, error.extra["properties"]) == ("invalidProperties", [name])


def test_no_field_is_set_twice() -> None:
    both = {"subject": "a", "header:SUBJECT": " b"}
    assert refused(both).extra["properties"] == ["header:SUBJECT"]
    seen = {"subject"}
    with pytest.raises(SetError):
        fields({"subject": "a"}, seen)


def test_what_is_too_much_is_refused() -> None:
    assert refused({f"header:X-{n}": " a" for n in range(1001)}).kind == "tooLarge"
    assert refused({"subject": "x " * MAX_FIELD}).kind == "invalidProperties"
    many = [{"email": f"{n}@b.test"} for n in range(10_001)]
    assert refused({"to": many}).kind == "invalidProperties"


def test_what_sets_no_field() -> None:
    assert field_of("mailboxIds") is None
    with pytest.raises(Unfit):
        field_of("header:a:b:c")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300))
def test_text_is_read_back(text: str) -> None:
    (value,) = headers.values(head({"subject": text}), b"subject")
    assert decode_words(value) == text.strip()


_NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=80)


@given(st.lists(_NAMES, min_size=1, max_size=5))
def test_names_are_read_back(names: list[str]) -> None:
    people = [{"name": one, "email": f"p{number}@b.test"} for number, one in enumerate(names)]
    (value,) = headers.values(head({"to": people}), b"to")
    found = addresses.mailboxes(addresses.parse(value))
    assert [decode(one.local) for one in found] == [f"p{n}" for n in range(len(names))]
    assert [decode_words(one.name) for one in found] == [one.strip() for one in names]


@given(
    st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(9999, 1, 1)),  # noqa: DTZ001
    st.integers(-1439, 1439),
)
def test_dates_are_read_back(when: dt.datetime, offset: int) -> None:
    text = when.replace(microsecond=0, tzinfo=dt.timezone(dt.timedelta(minutes=offset)))
    (value,) = headers.values(head({"sentAt": text.isoformat()}), b"date")
    found = dates.read(value)
    assert found is not None
    assert (found.ms, found.offset) == moment(text.isoformat())
