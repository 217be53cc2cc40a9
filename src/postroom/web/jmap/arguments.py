"""Arguments of methods, read strictly (RFC 8620 §1.1 to §1.4, §5.1, §5.5).

Each raises ``invalidArguments`` with the name of what is wrong.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from postroom.web.jmap.errors import MethodError, invalid
from postroom.web.jmap.limits import MAX_CHANGES, MAX_GET
from postroom.web.jmap.method import Arguments, Result

MOST: Final = (1 << 53) - 1  # RFC 8620 §1.3
MAX_IDS: Final = 100_000  # that a client may name where no other limit counts

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,255}")

T = TypeVar("T")


def only(arguments: Arguments, *names: str) -> None:
    """Refuse arguments that the method does not have."""
    for name in arguments:
        if name not in names:
            raise invalid(f"there is no argument {name!r}")


def is_id(value: object) -> bool:
    """Whether it is an Id (RFC 8620 §1.2)."""
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def is_integer(value: object) -> bool:
    """Whether it is an Int (RFC 8620 §1.3)."""
    return type(value) is int and -MOST <= value <= MOST


def text(arguments: Arguments, name: str, default: str | None = None) -> str:
    """A String; required without a ``default``."""
    value = arguments.get(name, default)
    if not isinstance(value, str):
        raise invalid(f"{name} must be a String")
    return value


def text_or_null(arguments: Arguments, name: str) -> str | None:
    """A String, or null, which is the default."""
    return None if arguments.get(name) is None else text(arguments, name)


def flag(arguments: Arguments, name: str, default: bool = False) -> bool:
    """A Boolean."""
    value = arguments.get(name, default)
    if not isinstance(value, bool):
        raise invalid(f"{name} must be a Boolean")
    return value


def integer(arguments: Arguments, name: str, default: int = 0) -> int:
    """An Int."""
    value = arguments.get(name, default)
    if not is_integer(value):
        raise invalid(f"{name} must be an Int")
    return int(value)


def unsigned(arguments: Arguments, name: str, default: int | None = None) -> int | None:
    """An UnsignedInt, or null where ``default`` is None."""
    value = arguments.get(name, default)
    if value is None and default is None:
        return None
    if not is_integer(value) or value < 0:
        raise invalid(f"{name} must be an UnsignedInt")
    return int(value)


def one_id(arguments: Arguments, name: str) -> str:
    """An Id."""
    value = arguments.get(name)
    if not is_id(value):
        raise invalid(f"{name} must be an Id")
    return str(value)


def some_ids(arguments: Arguments, name: str, most: int = MAX_IDS) -> list[str] | None:
    """An Id[], each once and in its order; None for null, which is the default."""
    value = arguments.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise invalid(f"{name} must be an Id[]")
    if len(value) > most:
        raise MethodError("requestTooLarge", f"{name} has more than {most} ids: ask for less")
    return list(dict.fromkeys(value))


def texts(arguments: Arguments, name: str) -> list[str] | None:
    """A String[], or null, which is the default."""
    value = arguments.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise invalid(f"{name} must be a String[]")
    return list(value)


def mapping(arguments: Arguments, name: str) -> dict[str, Any] | None:
    """An object, or null, which is the default."""
    value = arguments.get(name)
    if value is not None and not isinstance(value, dict):
        raise invalid(f"{name} must be an object")
    return value


# /get ---------------------------------------------------------------------------------------


def wanted_ids(arguments: Arguments) -> list[str] | None:
    """``ids`` of a /get, at most ``maxObjectsInGet``; None: all."""
    return some_ids(arguments, "ids", MAX_GET)


def changes(arguments: Arguments, most: int = MAX_CHANGES) -> tuple[str, int]:
    """``sinceState`` of a /changes, and how many ids are told: ``most``, or fewer (§5.2)."""
    only(arguments, "accountId", "sinceState", "maxChanges")
    return text(arguments, "sinceState"), most_changes(arguments, most)


def most_changes(arguments: Arguments, most: int = MAX_CHANGES) -> int:
    """``maxChanges`` of a /changes or /queryChanges, which is above 0 (§5.2, §5.6)."""
    wanted = unsigned(arguments, "maxChanges")
    if wanted == 0:
        raise invalid("maxChanges must be greater than 0")
    return most if wanted is None else min(wanted, most)


def wanted_properties(
    arguments: Arguments, known: Collection[str], default: Iterable[str] | None = None
) -> list[str]:
    """``properties`` of a /get, always with ``id``; ``default`` (or all) where it is null."""
    named = texts(arguments, "properties")
    if named is None:
        return list(known if default is None else default)
    for name in named:
        if name not in known:
            raise invalid(f"there is no property {name!r}")
    return list(dict.fromkeys(["id", *named]))


def picked(whole: Mapping[str, T], properties: Iterable[str]) -> dict[str, T]:
    """These properties of an object."""
    return {name: whole[name] for name in properties}


def got(
    account_id: str, state: str, found: Sequence[Result], wanted: Sequence[str] | None
) -> Result:
    """The response of a /get (§5.1): ``found`` in the order that was asked for."""
    by_id = {one["id"]: one for one in found}
    order = list(by_id) if wanted is None else [one for one in wanted if one in by_id]
    missing = [] if wanted is None else [one for one in wanted if one not in by_id]
    return {
        "accountId": account_id,
        "state": state,
        "list": [by_id[one] for one in order],
        "notFound": missing,
    }


# /query -------------------------------------------------------------------------------------


class Window(msgspec.Struct, frozen=True):
    """Which part of the results of a /query is asked for (§5.5)."""

    position: int = 0
    anchor: str | None = None
    anchor_offset: int = 0
    limit: int | None = None
    calculate_total: bool = False

    def cut(self, ids: Sequence[str]) -> tuple[int, list[str]]:
        """The position of the first result that is told, and those; raises ``anchorNotFound``."""
        start = self.position
        if self.anchor is not None:
            try:
                start = max(0, ids.index(self.anchor) + self.anchor_offset)
            except ValueError:
                raise MethodError("anchorNotFound", "the anchor is not among the results") from None
        elif start < 0:
            start = max(0, len(ids) + start)
        end = len(ids) if self.limit is None else start + self.limit
        return start, list(ids[start:end])


QUERY: Final = (
    "accountId", "filter", "sort", "position", "anchor", "anchorOffset", "limit", "calculateTotal",
)  # fmt: skip


def window(arguments: Arguments) -> Window:
    """The arguments of a /query that say which results."""
    anchor = arguments.get("anchor")
    if anchor is not None and not isinstance(anchor, str):
        raise invalid("anchor must be an Id")
    return Window(
        position=integer(arguments, "position"),
        anchor=anchor,
        anchor_offset=integer(arguments, "anchorOffset"),
        limit=unsigned(arguments, "limit"),
        calculate_total=flag(arguments, "calculateTotal"),
    )


class Comparator(msgspec.Struct, frozen=True):
    """One of ``sort`` (§5.5); ``more`` are properties of its own, like ``keyword``."""

    property: str
    is_ascending: bool = True
    collation: str | None = None
    more: dict[str, Any] = {}


MAX_SORTS: Final = 16


def comparators(
    arguments: Arguments, known: Collection[str], more: Mapping[str, Callable[[Any], bool]]
) -> list[Comparator]:
    """``sort`` of a /query; raises ``unsupportedSort`` for what is not ``known``.

    ``more`` tests the further properties of comparators.
    """
    value = arguments.get("sort")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise invalid("sort must be a Comparator[]")
    if len(value) > MAX_SORTS:
        raise MethodError("unsupportedSort", f"sort has more than {MAX_SORTS} comparators")
    return [_comparator(one, known, more) for one in value]


def _comparator(
    value: dict[str, Any], known: Collection[str], more: Mapping[str, Callable[[Any], bool]]
) -> Comparator:
    name = text(value, "property")
    if name not in known:
        raise MethodError("unsupportedSort", f"nothing is sorted by {name!r}")
    collation = text_or_null(value, "collation")
    if collation not in {None, "i;ascii-casemap", "i;unicode-casemap", "i;octet"}:
        raise MethodError("unsupportedSort", f"there is no collation {collation!r}")
    rest = {key: value[key] for key in more if key in value}  # what others there are is nobody's
    for key, one in rest.items():
        if not more[key](one):
            raise invalid(f"sort: {key!r} of a Comparator has another type")
    return Comparator(name, flag(value, "isAscending", True), collation, rest)
