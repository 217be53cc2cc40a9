"""Filters: operators around conditions."""

from typing import Any

import pytest

from postroom.web.jmap import filters
from postroom.web.jmap.errors import MethodError, invalid


def condition(part: dict[str, Any]) -> str:
    if list(part) != ["has"]:
        raise invalid("no condition")
    return str(part["has"])


def matches(value: Any, *words: str) -> bool:
    return filters.holds(filters.read(value, condition), lambda one: one in words)


def node(operator: str, *parts: Any) -> dict[str, Any]:
    return {"operator": operator, "conditions": list(parts)}


def test_operators() -> None:
    a, b = {"has": "a"}, {"has": "b"}
    assert matches(None)
    assert matches(a, "a")
    assert not matches(a, "b")
    assert matches(node("AND", a, b), "a", "b")
    assert not matches(node("AND", a, b), "a")
    assert matches(node("OR", a, b), "b")
    assert not matches(node("OR", a, b), "c")
    assert matches(node("NOT", a, b), "c")
    assert not matches(node("NOT", a, b), "b")
    assert matches(node("NOT", node("AND", a, b)), "a")
    assert matches(node("AND"))
    assert not matches(node("OR"))
    assert matches(node("NOT"))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ([], "invalidArguments"), ("x", "invalidArguments"), ({}, "invalidArguments"),
        ({"operator": "XOR", "conditions": []}, "invalidArguments"),
        ({"operator": "AND"}, "invalidArguments"),
        ({"operator": "AND", "conditions": {}}, "invalidArguments"),
        ({"operator": "AND", "conditions": [], "has": "a"}, "invalidArguments"),
        ({"operator": "AND", "conditions": [None]}, "invalidArguments"),
        ({"operator": [], "conditions": []}, "invalidArguments"),
        ({"operator": "OR", "conditions": [{"has": "a"}] * 100}, "unsupportedFilter"),
    ],
)  # fmt: skip
def test_what_is_no_filter(value: object, kind: str) -> None:
    with pytest.raises(MethodError) as caught:
        filters.read(value, condition)
    assert caught.value.kind == kind
