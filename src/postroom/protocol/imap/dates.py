"""Dates of IMAP: ``date-time`` of APPEND and INTERNALDATE, ``date`` of SEARCH.

Moments are UTC milliseconds, negative before 1970. RFC 3501 §9 (date, date-time).
"""

import datetime as dt
import functools
import re
from typing import Final

MONTHS: Final = (
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
)  # fmt: skip
_MONTH_OF: Final = {name.lower(): number for number, name in enumerate(MONTHS, 1)}
_DATE: Final = re.compile(rb"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")
_DATE_TIME: Final = re.compile(
    rb"([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) "
    rb"([+-])([0-9]{2})([0-9]{2})"
)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class BadDate(ValueError):
    """The text is no date."""


def parse_date(text: bytes) -> dt.date:
    """Read ``1-Feb-1994``; raises BadDate and nothing else."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise BadDate("expected a date like 1-Feb-1994")
    try:
        return dt.date(int(match[3]), _MONTH_OF[match[2].lower()], int(match[1]))
    except (ValueError, KeyError):
        raise BadDate("there is no such day") from None


def parse_date_time(text: bytes) -> int:
    """Read ``17-Jul-1996 02:44:25 -0700``; raises BadDate and nothing else."""
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise BadDate("expected a date like 17-Jul-1996 02:44:25 -0700")
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    offset = dt.timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    try:
        moment = dt.datetime(
            int(year), _MONTH_OF[month.lower()], int(day), int(hour), int(minute),
            min(int(second), 59) if second == b"60" else int(second), tzinfo=dt.UTC,
        )  # fmt: skip
        moment = moment - offset if sign == b"+" else moment + offset
    except (ValueError, KeyError, OverflowError):
        raise BadDate("there is no such moment") from None
    return (moment - _EPOCH) // dt.timedelta(milliseconds=1)


# written of every message of a list: put together from what there is
_MINUTES: Final = [b"%02d:%02d:" % (hour, minute) for hour in range(24) for minute in range(60)]
_SECONDS: Final = [b'%02d +0000"' % second for second in range(60)]


@functools.lru_cache(maxsize=4096)
def _day(number: int) -> bytes:
    day = dt.date(1970, 1, 1) + dt.timedelta(days=number)
    return b'"%2d-%s-%04d ' % (day.day, MONTHS[day.month - 1], day.year)


def write_date_time(moment: int) -> bytes:
    """INTERNALDATE, quoted, in UTC: ``"17-Jul-1996 09:44:25 +0000"``."""
    days, seconds = divmod(moment // 1000, 86400)
    return _day(days) + _MINUTES[seconds // 60] + _SECONDS[seconds % 60]
