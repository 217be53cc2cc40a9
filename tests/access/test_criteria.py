"""A SEARCH tree as a program: three values, conditions for SQL."""

import datetime as dt

import pytest
from hypothesis import given, strategies as st

from postroom.access import criteria
from postroom.access.criteria import Candidate, Join, Leaf
from postroom.access.lookup import MOST_QUESTIONS, Findings, Question
from postroom.access.texts import Needles
from postroom.protocol.imap import search as keys
from postroom.store import listing
from postroom.store.textindex import Coverage

ROW = (7, 1, "$Junk", 3, 100, 20_000 * criteria.DAY, 9)


class NoView:
    """Stands for a view where a tree names no numbers."""

    recent_ranges = ((5, 8),)

    @staticmethod
    def uid_ranges(numbers: object, *, by_uid: bool) -> list[tuple[int, int]]:
        return [(number, number) for number in range(1, 301, 2)]


def steps(key: keys.SearchKey) -> criteria.Program:
    return criteria.program(NoView(), key)  # type: ignore[arg-type]


def test_nested_keys_of_a_kind_are_taken_apart_and_each_stands_once() -> None:
    a, b, c = keys.Flag(1), keys.Flag(2), keys.Not(keys.And((keys.Flag(4), keys.Flag(8))))
    tree = keys.And((keys.And((a, keys.And((b, a)))), c, c))
    apart = criteria.programs(NoView(), tree)  # type: ignore[arg-type]
    assert [criteria.condition(one) for one in apart] == [
        "(e.flags & 1) <> 0",
        "(e.flags & 2) <> 0",
        "NOT ((e.flags & 4) <> 0 AND (e.flags & 8) <> 0)",
    ]
    tree_of_ors = keys.Or(keys.Or(a, keys.Or(b, a)), keys.Or(a, b))
    assert criteria.condition(steps(tree_of_ors)) == "((e.flags & 1) <> 0 OR (e.flags & 2) <> 0)"
    assert criteria.condition(steps(keys.Or(a, a))) == "(e.flags & 1) <> 0"


class Numbered(NoView):
    """Stands for a view whose UIDs are the numbers."""

    @staticmethod
    def uid_ranges(numbers: object, *, by_uid: bool) -> list[tuple[int, int]]:
        assert isinstance(numbers, tuple)
        return list(numbers)


def test_sets_are_joined() -> None:
    a, b = (keys.Numbers(ranges, by_uid=True) for ranges in (((1, 5), (9, 9)), ((3, 9),)))
    for tree, condition in (
        (keys.And((a, b)), "(e.uid BETWEEN 3 AND 5 OR e.uid BETWEEN 9 AND 9)"),
        (keys.Or(a, b), "(e.uid BETWEEN 1 AND 9)"),
        (keys.And((a, keys.Numbers(((6, 7),), by_uid=True))), "(1 = 0)"),
    ):
        assert criteria.condition(criteria.program(Numbered(), tree)) == condition  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("key", "condition"),
    [
        (keys.Flag(8), "(e.flags & 8) <> 0"),
        (keys.Flag(1, is_set=False), "(e.flags & 1) = 0"),
        (keys.Or(keys.Larger(5), keys.Smaller(3)), "(e.size > 5 OR e.size < 3)"),
        (keys.Modseq(7), "e.modseq >= 7"),
        (keys.EmailId(7), "e.message_id = 7"),
        (keys.ThreadId(7), listing.in_thread(7)),
        (keys.Not(keys.Flag(1)), "NOT (e.flags & 1) <> 0"),
        (keys.Recent(), "(e.uid BETWEEN 5 AND 8)"),
        (
            keys.Received("on", dt.date(1970, 1, 2)),
            "(e.received >= 86400000 AND e.received < 172800000)",
        ),
        (keys.Or(keys.Larger(5), keys.Body("x")), ""),
        (keys.Numbers((), by_uid=True), ""),  # more ranges than SQL is given
    ],
)
def test_conditions(key: keys.SearchKey, condition: str) -> None:
    assert criteria.condition(steps(key)) == condition


def test_what_is_settled_early_needs_no_more() -> None:
    candidate = Candidate(ROW)
    assert criteria.judge(steps(keys.Or(keys.Flag(1), keys.Body("x"))), candidate) is True
    assert criteria.judge(steps(keys.And((keys.Flag(2), keys.Body("x")))), candidate) is False
    assert criteria.judge(steps(keys.And((keys.Flag(1), keys.Body("x")))), candidate) is None
    assert criteria.judge(steps(keys.Not(keys.Text("x"))), candidate) is None
    assert criteria.judge(steps(keys.Numbers((), by_uid=True)), candidate) is True
    assert criteria.judge(steps(keys.Keyword("$junk")), candidate) is True


def test_needles() -> None:
    tree = keys.Or(keys.Body("STRASSE"), keys.Not(keys.Or(keys.Text("ß"), keys.Flag(1))))
    assert criteria.needles(steps(tree)) == Needles(frozenset({"STRASSE", "ß"}), frozenset("ß"))


def test_what_the_index_alone_says() -> None:
    x, y = keys.Body("x"), keys.Header("to", "y")
    asked = [Question("body", "X"), Question("field", "Y", "TO")]
    findings = Findings(asked, Coverage(9, frozenset()))
    unknown = MOST_QUESTIONS
    assert criteria.questions(steps(keys.Or(x, keys.And((y, keys.Flag(1)))))) == asked
    for tree, verdicts in (
        (keys.And((x, y)), [False, False, True, None]),
        (keys.Or(x, y), [False, True, True, True]),
        (keys.Not(x), [True, False, False, False]),
        (keys.And((x, keys.Flag(1))), [False, None, None, None]),  # flags are not its business
        (keys.Body("z"), [None, None, None, None]),  # was not asked
    ):
        marks = (0, 1, 3, 1 | 2 << unknown)
        assert [criteria.verdict(steps(tree), findings, mark) for mark in marks] == verdicts


def test_nothing_is_asked_about_an_empty_text() -> None:
    assert criteria.questions(steps(keys.Or(keys.Body(""), keys.Text("")))) == []
    assert criteria.questions(steps(keys.Header("x", ""))) == [Question("field", "", "X")]


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
def test_three_values(values: list[bool | None]) -> None:
    leaves: criteria.Program = [Leaf(lambda _c, value=value: value) for value in values]  # type: ignore[misc]
    candidate = Candidate(ROW)
    both = criteria.judge([*leaves, Join("and", len(values))], candidate)
    either = criteria.judge([*leaves, Join("or", len(values))], candidate)
    assert both is (False if False in values else None if None in values else True)
    assert either is (True if True in values else None if None in values else False)
