"""Filters and comparators of Email/query, as they are read."""

from typing import Any

import pytest

from postroom.web.jmap import condition
from postroom.web.jmap.condition import Fact, HasAttachment, Text
from postroom.web.jmap.errors import MethodError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a  b", ["a", "b"]),
        ('"a b" c', ["a b", "c"]),
        ("'a \"b\"'", ['a "b"']),
        (r'"a \"b\" \\"', ['a "b" \\']),
        ("it's", ["it's"]),
        ('"open', ['"open']),
        ('a a "" b', ["a", "b"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert condition.words(text) == words


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:01Z", 1000),
        ("1970-01-01T00:00:01.25Z", 1250),
        ("1970-01-01T00:00:01.000001Z", 1000),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("1970-01-01T00:00:01+00:00", None),
        ("1970-13-01T00:00:01Z", None),
        ("1970-01-01", None),
        (7, None),
    ],
)
def test_moments(text: object, moment: int | None) -> None:
    assert condition.utc_date(text) == moment


def test_tests_of_a_condition() -> None:
    found = condition.tree(
        {"hasKeyword": "$SEEN", "hasAttachment": False, "from": "Ann Ärger", "header": ["x-y"]}
    )
    seen, attachment, author, field = condition.conditions(found)[0]
    assert (seen, attachment) == (Fact("hasKeyword", "$seen"), HasAttachment(False))
    assert isinstance(author, Text)
    assert [question.wanted for question in author.questions] == ["ANN", "A\u0308RGER"]
    assert isinstance(field, Text)
    assert (field.questions[0].name, field.questions[0].wanted) == ("X-Y", "")
    assert condition.conditions(None) == []


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"color": 1}, "unsupportedFilter"),
        ({"inMailbox": 1}, "invalidArguments"),
        ({"inMailbox": None}, "invalidArguments"),
        ({"inMailboxOtherThan": "F1"}, "invalidArguments"),
        ({"before": "yesterday"}, "invalidArguments"),
        ({"minSize": -1}, "invalidArguments"),
        ({"maxSize": 1.5}, "invalidArguments"),
        ({"hasKeyword": ""}, "invalidArguments"),
        ({"hasAttachment": 1}, "invalidArguments"),
        ({"text": None}, "invalidArguments"),
        ({"header": []}, "invalidArguments"),
        ({"header": ["a", "b", "c"]}, "invalidArguments"),
        ({"header": [1]}, "invalidArguments"),
        ({"body": "x" * 1001}, "unsupportedFilter"),
        ({"text": " ".join(map(str, range(33)))}, "unsupportedFilter"),
        ({"operator": "XOR", "conditions": []}, "invalidArguments"),
        ([], "invalidArguments"),
    ],
)
def test_filters_that_are_refused(given: Any, kind: str) -> None:
    with pytest.raises(MethodError) as caught:
        condition.tree(given)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    ("sort", "kind"),
    [
        ({"property": "color"}, "unsupportedSort"),
        ({"property": "hasKeyword"}, "invalidArguments"),
        ({"property": "hasKeyword", "keyword": 1}, "invalidArguments"),
        ({"property": "subject", "collation": "i;octet"}, "unsupportedSort"),
        ({"property": "size", "keyword": 1}, "invalidArguments"),
    ],
)
def test_sorts_that_are_refused(sort: Any, kind: str) -> None:
    with pytest.raises(MethodError) as caught:
        condition.query({"sort": [sort]})
    assert caught.value.kind == kind


def test_what_depends_on_threads() -> None:
    assert not condition.query({"filter": {"hasKeyword": "a"}}).is_of_threads
    for arguments in (
        {"collapseThreads": True},
        {"filter": {"operator": "NOT", "conditions": [{"noneInThreadHaveKeyword": "a"}]}},
        {"sort": [{"property": "someInThreadHaveKeyword", "keyword": "a"}]},
    ):
        assert condition.query(arguments).is_of_threads
