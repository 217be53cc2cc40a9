import datetime as dt
from typing import Any

import pytest
from hypothesis import given, strategies as st

from postroom.message import dates, headers
from tests import absent
from tests.message import letters

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
FIRST = dt.datetime(1, 1, 3)  # noqa: DTZ001
LAST = dt.datetime(9999, 12, 29)  # noqa: DTZ001

# What the vectors expect and we don't, with the reason.
DIFFERENT = (
    "4 8 15 16",  # no year stands there
    "Fri Feb 07",  # ctime(3) is read
    "Sun Nov 13",
    "Fri Sep 14",
    "PST",  # a zone name
    "PDT",
    "Mar 03",  # 2003
    "Feb 04",
    "LMTPA;_",  # an underline stands before the day
    "55.516",  # fractions of a second end the time, but not before its seconds
)


def _expected(told: dict[str, Any] | None) -> dates.Date | None:
    if not told:
        return None
    offset = told["tz_hour"] * 60 + told["tz_minute"]
    offset = -offset if told["tz_before_gmt"] else offset
    zone = dt.timezone(dt.timedelta(minutes=offset))
    try:
        day = dt.date(told["year"], told["month"], told["day"])
        clock = dt.time(told["hour"], told["minute"], told["second"], tzinfo=zone)
    except ValueError:
        return None
    moment = dt.datetime.combine(day, clock)
    return dates.Date((moment - EPOCH) // dt.timedelta(milliseconds=1), offset)


@pytest.mark.parametrize(("name", "count", "agreed"), [("date", 40, 39), ("received", 181, 170)])
def test_vectors(name: str, count: int, agreed: int) -> None:
    cases = letters.vectors(f"{name}.json")
    same = 0
    for case in cases:
        value = headers.value(b"Date:" + case["header"].encode(), b"date") or b""
        told = case["expected"] if name == "date" else case["expected"].get("date")
        if dates.read(value) == _expected(told):
            same += 1
        else:
            assert any(words in case["header"] for words in DIFFERENT), case["header"]
    assert (len(cases), same) == (count, agreed) or not absent.vectors("mime", f"{name}.json")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (b"Mon, 12 Oct 2026 09:59:58 +0200", "Mon, 12 Oct 2026 09:59:58 +0200"),
        (b"12 Oct 26 09:59 EST", "Mon, 12 Oct 2026 09:59:00 -0500"),
        (b"12-oct-99 09:59", "Tue, 12 Oct 1999 09:59:00 +0000"),
        (b"12 October 126 09:59:58 UT", "Mon, 12 Oct 2026 09:59:58 +0000"),
        (b"Fri, 30 Feb 2026 00:00:00 +0000", None),
        (b"31 Dec 2016 23:59:60 +0000", "Sat, 31 Dec 2016 23:59:59 +0000"),
        (b"31 Dec 2016 24:00:00 +0000", None),
        (b"31 Dec 2016 23:60:00 +0000", None),
        (b"1 Jan 2026 00:00:00 +9999", "Thu, 1 Jan 2026 00:00:00 +0000"),
        (b"1 Jan 2026 00:00:00 -0030", "Thu, 1 Jan 2026 00:00:00 -0030"),
        (b"Thu Jan  1 00:00:00 2026", "Thu, 1 Jan 2026 00:00:00 +0000"),
        (b"x; y; 1 Jan 2026 00:00:00 +0000 (c;d)", "Thu, 1 Jan 2026 00:00:00 +0000"),
        (b"1 Jan 0000 00:00:00 +0000", None),
        (b"1 Jan 0001 00:00:00 +1000", None),
        (b"31 Dec 9999 23:00:00 -1000", None),
        (b"", None),
        (b"yesterday", None),
    ],
)
def test_read(value: bytes, written: str | None) -> None:
    found = dates.read(value)
    assert (dates.write(found.ms, found.offset) if found else None) == written


def test_the_day_is_the_writers() -> None:
    found = dates.read(b"1 Jan 2026 23:30:00 -0800")
    assert found is not None
    assert found.local_day == dt.date(2026, 1, 1)
    found = dates.read(b"1 Jan 0001 00:30:00 -0100")
    assert found is not None
    assert found.local_day == dt.date(1, 1, 1)


@given(
    st.datetimes(FIRST, LAST),
    st.integers(-1439, 1439),
)
def test_what_is_written_is_read(moment: dt.datetime, offset: int) -> None:
    seconds = (moment.replace(tzinfo=dt.UTC) - EPOCH) // dt.timedelta(seconds=1)
    text = dates.write(seconds * 1000 + 999, offset)
    zone = dt.timezone(dt.timedelta(minutes=offset))
    local = (EPOCH + dt.timedelta(seconds=seconds)).astimezone(zone)
    assert text.startswith(f"{local:%a}, {local.day} {local:%b} {local.year:04} {local:%H:%M:%S}")
    assert dates.read(text.encode()) == dates.Date(seconds * 1000, offset)


_PIECES = st.sampled_from(
    [b"1", b"12", b"2026", b"99", b" ", b":", b"Oct", b"Mon,", b"+", b"-", b"0200", b"(", b")",
     b";", b"EST", b"00:00", b"\xff", b"\0", b"\n"]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=20).map(b"".join))
def test_any_octets(value: bytes) -> None:
    found = dates.read(value)
    assert found is None or isinstance(found.local_day, dt.date)


@pytest.mark.parametrize("unit", [b" ", b"(", b"a", b"1", b";", b"1 ", b"Oct ", b"a 1 "])
def test_time_is_linear(unit: bytes) -> None:
    value = unit * (250_000 // len(unit))
    dates.read(value)
    dates.read(b"Mon, 12" + value)


def test_a_day_without_its_time() -> None:
    for value in (
        b"2 Jan 1970",
        b"Fri, 2 Jan 1970 25:61:00",
        b"Fri 2-January-70 x",
        b"2 jan 1970,",
    ):
        assert dates.read_day(value) == dates.Date(86_400_000)
    for value in (b"", b"Jan", b"31 Feb 1970", b"2 Foo 1970", b"0 Jan 1970", b"x 2 Jan"):
        assert dates.read_day(value) is None
