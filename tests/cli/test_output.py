import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from postroom.cli import output


class Thing(msgspec.Struct):
    name: str
    size: int


COLUMNS = [("NAME", lambda one: one.name), ("SIZE", lambda one: one.size)]


async def things(count: int) -> AsyncIterator[Thing]:
    for number in range(count):
        yield Thing("n" * (number % 7 + 1), number)


def listed(capsys: pytest.CaptureFixture[str], count: int, *, as_json: bool) -> str:
    asyncio.run(output.listing(things(count), COLUMNS, as_json=as_json, empty="None."))
    return capsys.readouterr().out


@pytest.mark.parametrize("count", [0, 1, 2, 199, 200, 201, 1000])
def test_a_list_is_one_json_array(capsys: pytest.CaptureFixture[str], count: int) -> None:
    found = json.loads(listed(capsys, count, as_json=True))
    assert [one["size"] for one in found] == list(range(count))


@pytest.mark.parametrize("count", [1, 199, 200, 201, 1000])
def test_a_table_has_one_heading_and_a_line_for_each(
    capsys: pytest.CaptureFixture[str], count: int
) -> None:
    lines = listed(capsys, count, as_json=False).splitlines()
    assert lines[0].split() == ["NAME", "SIZE"]
    assert [line.split()[1] for line in lines[1:]] == [str(number) for number in range(count)]
    assert len({line.index(line.split()[1]) for line in lines[1:]}) == 1  # columns are straight


def test_an_empty_list_says_so_to_people_and_hands_programs_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.run(output.listing(things(0), COLUMNS, as_json=False, empty="None."))
    output.table([], COLUMNS, empty="Nobody.")
    output.table([], COLUMNS)
    found = capsys.readouterr()
    assert (found.out, found.err) == ("", "None.\nNobody.\n")
    assert output.nothing("aliases") == "There are no aliases."
    assert output.nothing("aliases", "an\na") == "There are no aliases with 'an\\na'."


def test_the_first_rows_are_printed_before_the_last_is_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def endless() -> AsyncIterator[Thing]:
        number = 0
        while True:
            yield Thing("x", number)
            number += 1
            if number == 1000:
                raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(output.listing(endless(), COLUMNS, as_json=False, empty=""))
    assert len(capsys.readouterr().out.splitlines()) == 1001


def test_details_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    output.details([("one", "x"), ("nothing", ""), ("three", ("a", "b")), ("none", None)])
    assert capsys.readouterr().out == "one    x\nthree  a\n       b\n"


def test_done_is_a_sentence_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.done(Thing("x", 1), "x made", as_json=False)
    output.done(Thing("x", 1), "x made", as_json=True)
    assert capsys.readouterr().out == 'x made\n{"name":"x","size":1}\n'


def test_notes_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.note("look")
    assert capsys.readouterr() == ("", "note: look\n")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (("a", 1), "a\n1"),
        ("a\x1b[2J\nb\u202ec", "a\\x1b[2J\\nb\\u202ec"),
        ("Müller 京都", "Müller 京都"),
        (datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC), "2026-09-21 14:13"),
    ],
)
def test_values_are_text_for_people(value: object, text: str) -> None:
    assert output.text(value) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1K"),
        (1536, "1.5K"),
        (10 << 30, "10G"),
        (1 << 60, "1E"),
        (1 << 72, "4096E"),
    ],
)
def test_sizes_are_short(octets: int, text: str) -> None:
    assert output.size(octets) == text


def test_a_thing_and_a_short_list_are_json_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    one = Thing("a", 1)
    output.thing(one, [("name", one.name)], as_json=False)
    output.thing(one, [("name", one.name)], as_json=True)
    output.table([one], COLUMNS, as_json=True)
    output.table([], COLUMNS, as_json=True)
    assert capsys.readouterr().out.splitlines() == [
        "name  a",
        '{"name":"a","size":1}',
        '[{"name":"a","size":1}]',
        "[]",
    ]


@pytest.mark.parametrize(("number", "words"), [(0, "0 keys"), (1, "1 key"), (2, "2 keys")])
def test_count(number: int, words: str) -> None:
    assert output.count(number, "key") == words


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert output.count(1, "alias", "aliases") == "1 alias"
    assert output.count(2, "alias", "aliases") == "2 aliases"
