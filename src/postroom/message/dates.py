"""Dates of header fields: read leniently, written exactly.

``read`` takes the obsolete syntax too (two-digit years, zone names, no seconds,
comments), the form of ctime(3) and, where a field like Received has more before it, what follows the last
semicolon. A date that no calendar has is None.

RFC 5322 §3.3, §4.3.
"""

import datetime as dt
import functools
import re
from typing import Final

import msgspec

from postroom.message.parameters import without_comments

MAX_LENGTH: Final = 2000  # octets of a field that are read

_MONTHS: Final = (
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun",
    b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
)  # fmt: skip
_MONTH_NAMES: Final = tuple(name.decode().capitalize() for name in _MONTHS)
_MONTH_OF: Final = {name: number for number, name in enumerate(_MONTHS, 1)}
_DAY_NAMES: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ZONES: Final = {  # minutes east, RFC 5322 §4.3; military letters and unknown names are -0000
    b"EDT": -240,
    b"EST": -300,
    b"CDT": -300,
    b"CST": -360,
    b"MDT": -360,
    b"MST": -420,
    b"PDT": -420,
    b"PST": -480,
}
_DATE: Final = re.compile(
    rb"\s*+(?:[A-Za-z]++\.?\s*+,?\s*+)?+"  # the day of the week is not believed
    rb"([0-9]{1,2})[\s\-]++([A-Za-z]{3}[a-z]*+|[0-9]{1,2})[\s\-,]++([0-9]{2,4})[\s,]++"
    rb"([0-9]{1,2})\s*+[:\s.]\s*+([0-9]{2})(?:\s*+[:\s.]\s*+([0-9]{2})(?![0-9]))?+"
    rb"\s*+(?:([+\-])([0-9]{2}):?([0-9]{2})|([A-Za-z]++))?"
)
_DAY_ONLY: Final = re.compile(
    rb"\s*+(?:[A-Za-z]++\.?\s*+,?\s*+)?+([0-9]{1,2})[\s\-]++([A-Za-z]{3})[a-z]*+[\s\-,]++([0-9]{2,4})"
)
_ASCTIME: Final = re.compile(  # "Fri Feb  7 10:18:12 2003 -0800", "Fri Sep 14 14:36:56 EDT 2018"
    rb"\s*+(?:[A-Za-z]{3}\s++)?([A-Za-z]{3})\s++([0-9]{1,2})\s++"
    rb"([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?)\s++(?:([A-Za-z]{1,5})\s++)?([0-9]{4})([^\n]*+)"
)
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAY: Final = 86_400_000


class Date(msgspec.Struct, frozen=True):
    """``ms`` since 1970 in UTC; ``offset`` is the writer's zone in minutes east."""

    ms: int
    offset: int = 0

    @property
    def local_day(self) -> dt.date:
        """The day as the writer saw it (SENTON, RFC 3501 §6.4.4)."""
        return dt.date.fromordinal((self.ms + self.offset * 60_000) // _DAY + _EPOCH)


def read(value: bytes) -> Date | None:
    """Read a date; None when there is none."""
    value = value[:MAX_LENGTH]
    if b"(" in value:
        value = without_comments(value)
    if b";" in value:
        value = value[value.rindex(b";") + 1 :]
    found = _DATE.match(value) or _DATE.match(_ASCTIME.sub(rb"\2 \1 \5 \3 \4\6", value, count=1))
    if found is None:
        return None
    day, month_text, year_text, hour, minute, second, sign, east, rest, zone = found.groups()
    month = int(month_text) if month_text.isdigit() else _MONTH_OF.get(month_text[:3].lower(), 0)
    try:
        ordinal = dt.date(_year(year_text), month, int(day)).toordinal()
    except ValueError:
        return None
    seconds = int(hour) * 3600 + int(minute) * 60 + min(int(second or 0), 59)  # leap second
    if int(hour) > 23 or int(minute) > 59 or int(second or 0) > 60:
        return None
    offset = 0
    if sign:
        offset = int(east) * 60 + int(rest)
        offset = -offset if sign == b"-" else offset
    elif zone:
        offset = _ZONES.get(zone[:3].upper(), 0)
    if abs(offset) >= 1440:
        offset = 0
    return _dated((ordinal - _EPOCH) * _DAY + seconds * 1000, offset)


def read_day(value: bytes) -> Date | None:
    """The beginning, in UTC, of the day that stands first; whatever follows is not read."""
    found = _DAY_ONLY.match(value[:MAX_LENGTH])
    if found is None:
        return None
    day, month, year = found.groups()
    try:
        ordinal = dt.date(_year(year), _MONTH_OF.get(month.lower(), 0), int(day)).toordinal()
    except ValueError:
        return None
    return Date((ordinal - _EPOCH) * _DAY)


def write(ms: int, offset: int = 0) -> str:
    """RFC 5322 §3.3 date-time; ``offset`` in minutes east."""
    return _written(ms // 1000, offset)


@functools.lru_cache(maxsize=16)
def _written(since: int, offset: int) -> str:
    """Most are of this second."""
    days, rest = divmod(since + offset * 60, 86_400)
    day = dt.date.fromordinal(days + _EPOCH)
    hour, seconds = divmod(rest, 3600)
    sign = "-" if offset < 0 else "+"
    return (
        f"{_DAY_NAMES[day.weekday()]}, {day.day} {_MONTH_NAMES[day.month - 1]} {day.year:04}"
        f" {hour:02}:{seconds // 60:02}:{seconds % 60:02}"
        f" {sign}{abs(offset) // 60:02}{abs(offset) % 60:02}"
    )


def _year(text: bytes) -> int:
    year = int(text)
    if len(text) == 2:  # RFC 5322 §4.3
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(text) == 3 else year


def _dated(local: int, offset: int) -> Date | None:
    ms = local - offset * 60_000
    try:
        dt.date.fromordinal(ms // _DAY + _EPOCH)
    except (ValueError, OverflowError):
        return None
    return Date(ms, offset)
