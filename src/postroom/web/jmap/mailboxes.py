"""Mailbox/get, /changes, /query, /queryChanges (RFC 8621 §2.1 to §2.4)."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cmp_to_key, partial
from typing import Any, Final

import msgspec

from postroom.web.jmap import arguments as read, filters, states
from postroom.web.jmap.arguments import Comparator
from postroom.web.jmap.errors import MethodError, invalid
from postroom.web.jmap.filters import Operator
from postroom.web.jmap.mailbox import COUNTS, PROPERTIES, Listing, Mailbox, listing, mailbox_id
from postroom.web.jmap.method import Call, Method, Result
from postroom.web.jmap.states import Folders, unknown

_SORTS: Final = frozenset({"sortOrder", "name", "parentId"})
_TREE: Final = ("sortAsTree", "filterAsTree")


class Condition(msgspec.Struct, frozen=True):
    """A FilterCondition (§2.3); what is not given is not in ``named``."""

    named: frozenset[str]
    parent: str | None = None
    name: str = ""
    role: str | None = None
    has_any_role: bool = False
    is_subscribed: bool = False

    def holds(self, one: Mailbox) -> bool:
        """Whether a mailbox fulfils it."""
        named, parent = self.named, mailbox_id(one.parent) if one.parent else None
        return (
            ("parentId" not in named or parent == self.parent)
            and ("name" not in named or self.name in _folded(one.name))
            and ("role" not in named or (one.role or None) == self.role)
            and ("hasAnyRole" not in named or bool(one.role) is self.has_any_role)
            and ("isSubscribed" not in named or one.is_subscribed is self.is_subscribed)
        )


class Query(msgspec.Struct, frozen=True):
    """What is asked for, and in which order."""

    tree: Operator[Condition] | Condition | None
    sorts: list[Comparator]
    is_sorted_as_tree: bool
    is_filtered_as_tree: bool

    def ids(self, found: Listing) -> list[str]:
        """The results."""
        boxes = found.mailboxes
        chosen = {
            number
            for number, one in boxes.items()
            if filters.holds(self.tree, partial(_holds, one))
        }
        if self.is_filtered_as_tree:
            chosen = {number for number in chosen if _is_reached(number, chosen, boxes)}
        order = sorted(boxes.values(), key=cmp_to_key(self._compare))
        if self.is_sorted_as_tree:
            order = _as_tree(order)
        return [one.id for one in order if one.number in chosen]

    def _compare(self, left: Mailbox, right: Mailbox) -> int:
        for sort in self.sorts:
            one, other = _key(left, sort), _key(right, sort)
            if one != other:
                return (1 if one > other else -1) * (1 if sort.is_ascending else -1)
        return (left.number > right.number) - (left.number < right.number)


async def get(call: Call) -> Result:
    """Mailbox/get."""
    read.only(call.arguments, "accountId", "ids", "properties")
    account = await call.account()
    ids = read.wanted_ids(call.arguments)
    properties = read.wanted_properties(call.arguments, PROPERTIES)
    found = await listing(account)
    chosen = (
        list(found.mailboxes.values())
        if ids is None
        else [one for one in map(found.find, ids) if one is not None]
    )
    told = [read.picked(one.told(), properties) for one in chosen]
    return read.got(account.id, found.state(), told, ids)


async def changes(call: Call) -> Result:
    """Mailbox/changes; with ``updatedProperties`` where only counts have changed (§2.2)."""
    since, most = read.changes(call.arguments)
    account = await call.account()
    before = states.read_folders(since)
    now = (await listing(account)).folders()
    told, after = _told(before, now, most)
    created = [one for one in told if one not in before]
    updated = [one for one in told if one in before and one in now]
    is_counts = all(before[one].digest == now[one].digest for one in updated)
    return {
        "accountId": account.id,
        "oldState": since,
        "newState": states.pack_folders(after),
        "hasMoreChanges": after != now,
        "created": [mailbox_id(one) for one in created],
        "updated": [mailbox_id(one) for one in updated],
        "destroyed": [mailbox_id(one) for one in told if one not in now],
        "updatedProperties": list(COUNTS) if updated and is_counts else None,
    }


async def query(call: Call) -> Result:
    """Mailbox/query."""
    read.only(call.arguments, *read.QUERY, *_TREE)
    account = await call.account()
    asked, window = _query(call), read.window(call.arguments)
    found = await listing(account)
    ids = asked.ids(found)
    position, shown = window.cut(ids)
    return {
        "accountId": account.id,
        "queryState": found.state(),
        "canCalculateChanges": _is_steady(asked),
        "position": position,
        "ids": shown,
        **({"total": len(ids)} if window.calculate_total else {}),
    }


async def query_changes(call: Call) -> Result:
    """Mailbox/queryChanges: of what has changed it is told where it is now (RFC 8620 §5.6)."""
    read.only(
        call.arguments, "accountId", "filter", "sort", "sinceQueryState", "maxChanges", "upToId",
        "calculateTotal", *_TREE,
    )  # fmt: skip
    account = await call.account()
    since = read.text(call.arguments, "sinceQueryState")
    most, asked = read.most_changes(call.arguments), _query(call)
    read.text_or_null(call.arguments, "upToId")
    with_total = read.flag(call.arguments, "calculateTotal")
    if not _is_steady(asked):
        raise unknown("a tree is sorted or filtered anew each time")
    before = states.read_folders(since)
    found = await listing(account)
    now = found.folders()
    touched = {mailbox_id(one) for one in before | now if before.get(one) != now.get(one)}
    ids = asked.ids(found)
    removed = sorted(touched & {mailbox_id(one) for one in before})
    added = [{"id": ident, "index": at} for at, ident in enumerate(ids) if ident in touched]
    if len(removed) + len(added) > most:
        raise MethodError("tooManyChanges", "ask for all results again")
    return {
        "accountId": account.id,
        "oldQueryState": since,
        "newQueryState": found.state(),
        "removed": removed,
        "added": added,
        **({"total": len(ids)} if with_total else {}),
    }


def _told(before: Folders, now: Folders, most: int) -> tuple[list[int], Folders]:
    """The ids that are told, and what the client knows then."""
    touched = sorted(one for one in before | now if before.get(one) != now.get(one))
    told = touched[:most]
    if len(told) == len(touched):
        return told, now
    after = {one: folder for one, folder in before.items() if one not in told}
    return told, after | {one: now[one] for one in told if one in now}


def _query(call: Call) -> Query:
    return Query(
        filters.read(call.arguments.get("filter"), _condition),
        read.comparators(call.arguments, _SORTS, {}),
        read.flag(call.arguments, "sortAsTree"),
        read.flag(call.arguments, "filterAsTree"),
    )


def _is_steady(asked: Query) -> bool:
    """Whether a mailbox that has not changed keeps its place among those that have not."""
    by_tree = asked.is_sorted_as_tree or asked.is_filtered_as_tree
    return not by_tree


_READERS: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "parentId": ("parent", lambda value: value is None or read.is_id(value)),
    "name": ("name", lambda value: isinstance(value, str)),
    "role": ("role", lambda value: value is None or isinstance(value, str)),
    "hasAnyRole": ("has_any_role", lambda value: isinstance(value, bool)),
    "isSubscribed": ("is_subscribed", lambda value: isinstance(value, bool)),
}


def _holds(one: Mailbox, condition: Condition) -> bool:
    return condition.holds(one)


def _condition(given: dict[str, Any]) -> Condition:
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name not in _READERS:
            raise MethodError("unsupportedFilter", f"there is no condition {name!r}")
        field, is_good = _READERS[name]
        if not is_good(value):
            raise invalid(f"filter: {name} has a value of another type")
        found[field] = _folded(value) if name == "name" else value
    return Condition(frozenset(given), **found)


def _key(one: Mailbox, sort: Comparator) -> Any:
    if sort.property == "sortOrder":
        return one.sort_order
    if sort.property == "parentId":
        return mailbox_id(one.parent) if one.parent else ""
    return one.name if sort.collation == "i;octet" else _folded(one.name)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKD", text).casefold()


def _is_reached(number: int, chosen: set[int], boxes: Mapping[int, Mailbox]) -> bool:
    """Whether all above are chosen too (§2.3, filterAsTree)."""
    while number:
        if number not in chosen:
            return False
        number = boxes[number].parent
    return True


def _as_tree(order: Sequence[Mailbox]) -> list[Mailbox]:
    """Each right behind the one above it, those of one level in their order (§2.3)."""
    below: dict[int, list[Mailbox]] = {}
    for one in order:
        below.setdefault(one.parent, []).append(one)
    found: list[Mailbox] = []
    waiting = below.get(0, [])[::-1]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += below.get(one.number, [])[::-1]
    return found


METHODS: Final[Mapping[str, Method]] = {
    "Mailbox/get": get,
    "Mailbox/changes": changes,
    "Mailbox/query": query,
    "Mailbox/queryChanges": query_changes,
}
