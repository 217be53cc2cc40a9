"""Dates."""

import datetime as dt

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.imap.dates import BadDate, parse_date, parse_date_time, write_date_time


def test_reads_a_day() -> None:
    assert parse_date(b"1-Feb-1994") == dt.date(1994, 2, 1)
    assert parse_date(b"01-fEB-1994") == dt.date(1994, 2, 1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"31-Feb-1994",
        b"1-Foo-1994",
        b"1-Feb-94",
        b"001-Feb-1994",
        b"0-Jan-2000",
        b"1-Jan-0000",
    ],
)
def test_refuses_other_days(text: bytes) -> None:
    with pytest.raises(BadDate):
        parse_date(text)


def test_reads_a_moment() -> None:
    assert parse_date_time(b"17-Jul-1996 02:44:25 -0700") == 837596665000
    assert parse_date_time(b" 1-Jan-1970 01:00:00 +0100") == 0
    assert parse_date_time(b"31-Dec-1969 23:59:59 +0000") == -1000
    leap = parse_date_time(b"30-Jun-2015 23:59:60 +0000")
    assert leap == parse_date_time(b"30-Jun-2015 23:59:59 +0000")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"1-Jan-2000 00:00:00 +0000",
        b"01-Jan-2000 24:00:00 +0000",
        b"01-Jan-2000 00:00:00 GMT",
        b"31-Dec-9999 23:59:59 -9999",
        b"01-Jan-0001 00:00:00 +9999",
        b"01-Foo-2000 00:00:00 +0000",
    ],
)
def test_refuses_other_moments(text: bytes) -> None:
    with pytest.raises(BadDate):
        parse_date_time(text)


@given(st.integers(-62135596800, 253402300799))
def test_written_moments_read_back(seconds: int) -> None:
    text = write_date_time(seconds * 1000)
    assert parse_date_time(text[1:-1]) == seconds * 1000
    assert len(text) == 28


@given(st.binary(max_size=30))
def test_any_octets(octets: bytes) -> None:
    for parse in (parse_date, parse_date_time):
        try:
            parse(octets)
        except BadDate:
            pass
