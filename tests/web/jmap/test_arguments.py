"""Arguments, read strictly."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from postroom.web.jmap import arguments as read
from postroom.web.jmap.errors import MethodError


def kind(reading: Any, *given: Any) -> str:
    with pytest.raises(MethodError) as caught:
        reading(*given)
    return caught.value.kind


def test_types() -> None:
    of = {
        "s": "x",
        "t": True,
        "i": -3,
        "u": 3,
        "id": "M1",
        "ids": ["b", "a", "b"],
        "m": {},
        "n": None,
    }
    assert read.text(of, "s") == "x"
    assert read.text(of, "absent", "d") == "d"
    assert read.text_or_null(of, "n") is None
    assert read.flag(of, "t")
    assert not read.flag(of, "absent")
    assert (read.integer(of, "i"), read.integer(of, "absent", 7)) == (-3, 7)
    assert (read.unsigned(of, "u"), read.unsigned(of, "n")) == (3, None)
    assert read.one_id(of, "id") == "M1"
    assert read.some_ids(of, "ids") == ["b", "a"]
    assert read.some_ids(of, "n") is None
    assert read.texts(of, "ids") == ["b", "a", "b"]
    assert read.mapping(of, "m") == {}
    assert read.mapping(of, "n") is None
    read.only(of, *of)


@pytest.mark.parametrize(
    ("reading", "value"),
    [
        (read.text, 1), (read.text, None), (read.flag, 1), (read.flag, None), (read.integer, True),
        (read.integer, 1.0), (read.integer, 1 << 53), (read.unsigned, -1), (read.unsigned, "1"),
        (read.one_id, ""), (read.one_id, "a b"), (read.one_id, "x" * 256), (read.one_id, None),
        (read.some_ids, "a"), (read.some_ids, [1]), (read.texts, [None]), (read.mapping, []),
    ],
)  # fmt: skip
def test_other_types(reading: Any, value: object) -> None:
    assert kind(reading, {"x": value}, "x") == "invalidArguments"


def test_names_and_numbers_of_things() -> None:
    assert kind(read.only, {"a": 1}, "b") == "invalidArguments"
    assert kind(read.some_ids, {"x": ["a", "b"]}, "x", 1) == "requestTooLarge"
    assert kind(read.wanted_ids, {"ids": ["a"] * 1001}) == "requestTooLarge"


def test_changes() -> None:
    since = {"accountId": "A1", "sinceState": "s"}
    assert read.changes(since) == ("s", 10_000)
    assert read.changes(since, 7) == ("s", 7)
    assert read.changes({**since, "maxChanges": 3}, 7) == ("s", 3)
    assert read.changes({**since, "maxChanges": 8}, 7) == ("s", 7)
    for wrong in ({"maxChanges": 0}, {"maxChanges": -1}, {"sinceState": None}, {"more": 1}):
        assert kind(read.changes, {**since, **wrong}) == "invalidArguments"


def test_get() -> None:
    known = ("id", "name", "size")
    assert read.wanted_properties({}, known) == ["id", "name", "size"]
    assert read.wanted_properties({}, known, ["id"]) == ["id"]
    assert read.wanted_properties({"properties": ["size", "size"]}, known) == ["id", "size"]
    assert kind(read.wanted_properties, {"properties": ["x"]}, known) == "invalidArguments"
    assert read.picked({"id": 1, "name": 2}, ["id"]) == {"id": 1}
    found = [{"id": "b"}, {"id": "a"}]
    assert read.got("A1", "s", found, ["a", "c", "b"]) == {
        "accountId": "A1", "state": "s", "list": [{"id": "a"}, {"id": "b"}], "notFound": ["c"],
    }  # fmt: skip
    assert read.got("A1", "s", found, None)["list"] == found


IDS = [str(at) for at in range(10)]


@pytest.mark.parametrize(
    ("of", "position", "told"),
    [
        ({}, 0, IDS), ({"position": 3, "limit": 2}, 3, ["3", "4"]), ({"position": -2}, 8, ["8", "9"]),
        ({"position": -20, "limit": 1}, 0, ["0"]), ({"position": 20}, 20, []), ({"limit": 0}, 0, []),
        ({"anchor": "4", "anchorOffset": -1, "limit": 2, "position": 9}, 3, ["3", "4"]),
        ({"anchor": "1", "anchorOffset": -5, "limit": 1}, 0, ["0"]),
        ({"anchor": "9", "anchorOffset": 1}, 10, []),
    ],
)  # fmt: skip
def test_windows(of: dict[str, Any], position: int, told: list[str]) -> None:
    assert read.window(of).cut(IDS) == (position, told)


@given(st.integers(-30, 30), st.none() | st.integers(0, 30))
def test_a_window_is_a_part_of_the_results(position: int, limit: int | None) -> None:
    start, told = read.window({"position": position, "limit": limit}).cut(IDS)
    assert start >= 0
    assert told == IDS[start : start + len(told)]
    assert limit is None or len(told) <= limit


def test_windows_that_make_no_sense() -> None:
    assert kind(read.window({"anchor": "x"}).cut, IDS) == "anchorNotFound"
    assert kind(read.window, {"limit": -1}) == "invalidArguments"
    assert kind(read.window, {"anchor": 1}) == "invalidArguments"


def test_comparators() -> None:
    more = {"keyword": lambda value: isinstance(value, str)}
    sort = [{"property": "size"}, {"property": "has", "isAscending": False, "keyword": "$seen"}]
    first, second = read.comparators({"sort": sort}, ("size", "has"), more)
    assert (first.property, first.is_ascending, first.more) == ("size", True, {})
    assert (second.is_ascending, second.more) == (False, {"keyword": "$seen"})
    assert read.comparators({}, (), {}) == []
    (odd,) = read.comparators({"sort": [{"property": "size", "position": 0}]}, ("size",), more)
    assert odd.more == {}  # some clients send properties that are of the query
    for value, expected in (
        ([{"property": "x"}], "unsupportedSort"),
        ([{"property": "size", "collation": "i;klingon"}], "unsupportedSort"),
        ([{"property": "size"}] * 17, "unsupportedSort"),
        ([{}], "invalidArguments"),
        ("size", "invalidArguments"),
        ([{"property": "size", "keyword": 1}], "invalidArguments"),
    ):
        assert kind(read.comparators, {"sort": value}, ("size",), more) == expected
