import pytest

from postroom.sieve.dates import part
from postroom.sieve.letter import Environment
from postroom.sieve.problems import RunError
from tests.sieve.desk import NOW, SIMPLE, holds, letter, outcome, problems

WHEN = 1_790_000_000_000  # Mon, 21 Sep 2026 14:13:20 +0000


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("year", "2026"),
        ("Month", "09"),
        ("day", "21"),
        ("date", "2026-09-21"),
        ("julian", "61304"),
        ("hour", "16"),
        ("minute", "13"),
        ("second", "20"),
        ("time", "16:13:20"),
        ("iso8601", "2026-09-21T16:13:20+02:00"),
        ("std11", "Mon, 21 Sep 2026 16:13:20 +0200"),
        ("zone", "+0200"),
        ("weekday", "1"),
    ],
)
def test_parts(what: str, expected: str) -> None:
    assert part(WHEN, 120, what) == expected


def test_parts_in_other_zones() -> None:
    assert part(WHEN, -15 * 60, "date") == "2026-09-20"
    assert part(WHEN, -15 * 60, "weekday") == "0"
    assert part(WHEN, -330, "zone") == "-0530"
    assert part(WHEN, 0, "iso8601") == "2026-09-21T14:13:20Z"
    assert part(0, 0, "julian") == "40587"
    assert part(-1, 0, "date") == "1969-12-31"
    assert part(253402300799000, 60, "year") == ""
    with pytest.raises(RunError, match="'century' is no part of a date"):
        part(WHEN, 0, "century")


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ('date "date" "hour" "14"', True),
        ('date :zone "+0900" "date" "hour" "23"', True),
        ('date :originalzone "date" "hour" "16"', True),
        ('date :originalzone "date" "zone" "+0200"', True),
        ('date "received" "time" "14:13:10"', True),
        ('date :index 1 :last "received" "second" "10"', True),
        ('date :index 2 :contains "received" "second" ""', False),
        ('date "subject" "year" "2026"', False),
        ('date :value "ge" "date" "date" "2026-09-21"', True),
        ('date :value "gt" "date" "julian" "61304"', False),
        ('date :count "eq" "subject" "year" "0"', True),
        ('currentdate "year" "2026"', True),
        ('currentdate :zone "-1500" "weekday" "0"', True),
        ('currentdate :matches "iso8601" "2026-*Z"', True),
        ('currentdate :value "lt" "hour" "14"', False),
    ],
)
def test_dates(test: str, expected: bool) -> None:
    assert holds(test, require="date relational index") is expected


def test_the_local_zone_is_that_of_the_environment() -> None:
    here = Environment(now=NOW, offset_at=lambda ms: 330 if ms == NOW else -60)
    assert holds('currentdate "time" "19:43:20"', require="date", environment=here)
    assert holds('date "date" "zone" "-0100"', require="date", environment=here)


@pytest.mark.parametrize("zone", ["+2400", "0200", "+02", "+0260", "CET"])
def test_zones_that_are_none(zone: str) -> None:
    expected = f"'{zone}' is no zone such as +0200"
    (found,) = problems(f'require "date"; if currentdate :zone "{zone}" "year" "1" {{ }}')
    assert found.endswith(expected)
    before = f'require ["date", "variables"]; set "z" "{zone}";'
    run = outcome(before + 'if currentdate :zone "${z}" "year" "1" { }', letter(SIMPLE))
    assert run.error
    assert expected in run.error
