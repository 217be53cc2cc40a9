"""Dates: the tests ``date`` and ``currentdate``.

RFC 5260 §4.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from postroom.message import dates
from postroom.sieve.details import DATE_PARTS, ZONE
from postroom.sieve.fields import chosen
from postroom.sieve.machine import Machine
from postroom.sieve.problems import RunError
from postroom.sieve.script import Call

_EPOCH: Final = dt.datetime(1970, 1, 1)  # noqa: DTZ001 - a time of the zone that is asked for
_FORMATS: Final = {
    "year": "{0.year:04}",
    "month": "{0.month:02}",
    "day": "{0.day:02}",
    "date": "{0.year:04}-{0.month:02}-{0.day:02}",
    "hour": "{0.hour:02}",
    "minute": "{0.minute:02}",
    "second": "{0.second:02}",
    "time": "{0.hour:02}:{0.minute:02}:{0.second:02}",
}
_MODIFIED_JULIAN: Final = 40587  # of 1970-01-01


def date(machine: Machine, call: Call) -> bool:
    """The test ``date``: the dates of a header field."""
    return machine.compare(call, _dates(machine, call), call.arguments[2])


def _dates(machine: Machine, call: Call) -> Iterator[str]:
    what = machine.text(call.arguments[1])
    for value in chosen(machine.head.values(machine.text(call.arguments[0])), call):
        machine.spend(4)
        found = dates.read(value)
        if found is not None:
            is_original = "originalzone" in call.tags
            offset = found.offset if is_original else _zone(machine, call, found.ms)
            yield part(found.ms, offset, what)


def current_date(machine: Machine, call: Call) -> bool:
    """The test ``currentdate``."""
    what = machine.text(call.arguments[0])
    now = machine.environment.now
    text = part(now, _zone(machine, call, now), what)
    return machine.compare(call, [text], call.arguments[1])


def _zone(machine: Machine, call: Call, ms: int) -> int:
    """The zone in minutes east: the one of ``:zone``, else the local one at that time."""
    if "zone" not in call.tags:
        return machine.environment.offset_at(ms)
    text = machine.text(call.tags["zone"])
    if not ZONE.fullmatch(text):
        raise RunError(f"{text[:20]!r} is no zone such as +0200")
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return -minutes if text[0] == "-" else minutes


def part(ms: int, offset: int, what: str) -> str:
    """A part of a date (§4.2) in a zone so many minutes east of UTC; raises RunError.

    "" for a date that this zone puts outside of the calendar.
    """
    try:
        when = _EPOCH + dt.timedelta(seconds=ms // 1000, minutes=offset)
    except OverflowError:
        return ""
    what = what.lower()
    sign = "-" if offset < 0 else "+"
    hours, minutes = divmod(abs(offset), 60)
    match what:
        case "julian":
            return str((when - _EPOCH).days + _MODIFIED_JULIAN)
        case "iso8601":
            zone = f"{sign}{hours:02}:{minutes:02}" if offset else "Z"
            return when.isoformat(timespec="seconds") + zone
        case "std11":
            return dates.write(ms, offset)
        case "zone":
            return f"{sign}{hours:02}{minutes:02}"
        case "weekday":
            return str(when.isoweekday() % 7)
        case _:
            if what not in _FORMATS:
                raise RunError(
                    f"{what[:30]!r} is no part of a date: {', '.join(sorted(DATE_PARTS))}"
                )
            return _FORMATS[what].format(when)
