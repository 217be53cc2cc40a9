"""What is to be done, as steps: each an operation that can be shown, tried and done."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, Final, Literal, ParamSpec

import msgspec

from postroom.admin.apply.items import Item
from postroom.admin.apply.manifest import in_line
from postroom.admin.office import Office

Action = Literal["add", "change", "remove"]
Run = Callable[[Office], Awaitable[object]]
P = ParamSpec("P")

_SETS: Final = frozenset(
    (
        "administers",
        "addresses",
        "send_as",
        "owners",
        "archive",
        "members",
        "suspended",
        "block",
        "allow",
        "suppress",
        "retention",
        "mask",
        "script",
        "fetch",
    )
)
"""Members of which the order says nothing."""
_SECRET: Final = frozenset(("password", "secret", "fetch", "dkim_key"))


class Difference(msgspec.Struct, frozen=True):
    """What a member is, and what it becomes, as it stands in a file; "" for what is secret.

    Of members that are sets: what goes, and what comes.
    """

    member: str
    before: str
    after: str


class StepView(msgspec.Struct, frozen=True):
    """Something to do; ``members`` are what is said, ``changes`` how what is there changes."""

    action: Action
    kind: str
    name: str
    members: tuple[str, ...] = ()
    changes: tuple[Difference, ...] = ()


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


def change(kind: str, name: str, now: Item, said: Mapping[Any, Any]) -> StepView:
    """The view of a change of what is ``now`` there; ``said`` are the members as they become."""
    return StepView(
        "change", kind, name, tuple(said),
        tuple([_difference(member, getattr(now, member), new) for member, new in said.items()]),
    )  # fmt: skip


def _difference(member: str, before: Any, after: Any) -> Difference:
    if member in _SECRET:
        return Difference(member, "", "")
    if member in _SETS:
        old, new = before or (), after or ()
        before = tuple(one for one in old if one not in set(new))
        after = tuple(one for one in new if one not in set(old))
    return Difference(member, "" if before is None else in_line(before), in_line(after))


class There:
    """Items by their names; where case is all that differs, they are the same."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._exact = {name_of(one): one for one in items}
        self._folded = {name_of(one).casefold(): one for one in items}

    def find(self, one: Item) -> Any:
        """What is there under the name of an item, or None."""
        name = name_of(one)
        return self._exact.get(name) or self._folded.get(name.casefold())
