"""What is to be done, as steps: each an operation that can be shown, tried and done."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Final, Literal, ParamSpec

import msgspec

from postroom.admin.apply.items import Item
from postroom.admin.office import Office

Action = Literal["add", "change", "remove"]
Run = Callable[[Office], Awaitable[object]]
P = ParamSpec("P")

_SETS: Final = frozenset(
    (
        "administers",
        "addresses",
        "send_as",
        "block",
        "allow",
        "retention",
        "mask",
        "script",
        "fetch",
    )
)
"""Members of which the order says nothing."""


class StepView(msgspec.Struct, frozen=True):
    """Something to do; ``members`` are what changes."""

    action: Action
    kind: str
    name: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """The same with how it is done, for the item of this kind and number in the file."""

    view: StepView
    run: Run
    item: tuple[str, int] | None = None


def doing(
    operation: Callable[Concatenate[Office, P], Awaitable[object]],
    *args: P.args,
    **kwargs: P.kwargs,
) -> Run:
    """An operation with all but the office that it is done in."""
    return lambda office: operation(office, *args, **kwargs)


def name_of(one: Any) -> str:
    """What tells an item from others of its kind: its first member, if it says nothing else."""
    found = getattr(one, "title", "")
    return found or str(getattr(one, one.__struct_fields__[0]))


def differences(wanted: Item, now: Item, members: set[str]) -> dict[str, Any]:
    """The members that are said and not so."""
    said = {name: getattr(wanted, name) for name in wanted.__struct_fields__ if name in members}
    return {
        name: value
        for name, value in said.items()
        if value is not None and not _is_same(name, value, getattr(now, name))
    }


def _is_same(name: str, one: Any, other: Any) -> bool:
    if name in _SETS and one is not None and other is not None:
        return frozenset(one) == frozenset(other)
    return bool(one == other)


class There:
    """Items by their names; where case is all that differs, they are the same."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._exact = {name_of(one): one for one in items}
        self._folded = {name_of(one).casefold(): one for one in items}

    def find(self, one: Item) -> Any:
        """What is there under the name of an item, or None."""
        name = name_of(one)
        return self._exact.get(name) or self._folded.get(name.casefold())
