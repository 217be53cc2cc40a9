"""Filters of /query: operators around conditions (RFC 8620 §5.5).

How deep they are is bounded with the whole request (``limits.MAX_DEPTH``), how many here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeVar

from postroom.web.jmap.errors import MethodError, invalid

MAX_CONDITIONS: Final = 100

ConditionT = TypeVar("ConditionT")


@dataclass(frozen=True, slots=True)
class Operator(Generic[ConditionT]):
    """All, some, or none of the parts."""

    operator: Literal["AND", "OR", "NOT"]
    parts: "tuple[Operator[ConditionT] | ConditionT, ...]"


def read(
    value: object, condition: Callable[[dict[str, Any]], ConditionT]
) -> Operator[ConditionT] | ConditionT | None:
    """A filter; None for null. ``condition`` reads one, and raises MethodError.

    Raises ``unsupportedFilter`` for one with more than ``MAX_CONDITIONS``.
    """
    if value is None:
        return None
    left = [MAX_CONDITIONS]

    def one(part: object) -> Operator[ConditionT] | ConditionT:
        left[0] -= 1
        if left[0] < 0:
            raise MethodError(
                "unsupportedFilter", f"the filter has more than {MAX_CONDITIONS} parts"
            )
        if not isinstance(part, dict):
            raise invalid("filter must be a FilterOperator or a FilterCondition")
        if "operator" not in part:
            return condition(part)
        word, parts = part["operator"], part.get("conditions")
        if word not in ("AND", "OR", "NOT") or not isinstance(parts, list) or len(part) != 2:
            raise invalid("a FilterOperator has an operator (AND, OR, NOT) and conditions")
        return Operator(word, tuple(map(one, parts)))

    return one(value)


def holds(
    tree: Operator[ConditionT] | ConditionT | None, test: Callable[[ConditionT], bool]
) -> bool:
    """Whether something matches; ``test`` says so of one condition."""
    if tree is None:
        return True
    if not isinstance(tree, Operator):
        return test(tree)
    if tree.operator == "AND":
        return all(holds(part, test) for part in tree.parts)
    found = any(holds(part, test) for part in tree.parts)
    return found if tree.operator == "OR" else not found
