"""The order of Emails: by what the outline knows, and by keys of their header blocks.

The keys are those of IMAP's SORT (``store.sort_keys``), made when a message is sorted first and
kept. What compares equal is in the order in which it came. RFC 8621 §4.4.2.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from postroom.access.offload import run
from postroom.db.database import ConstraintFailed
from postroom.errors import MailError
from postroom.message.sort_keys import SortKeys, sort_keys
from postroom.store import outline as rows, sort_keys as kept
from postroom.web.jmap.account import Account
from postroom.web.jmap.arguments import Comparator
from postroom.web.jmap.condition import Fact
from postroom.web.jmap.matching import Matcher
from postroom.web.jmap.outline import Outline

NEWEST: Final = Comparator("receivedAt", is_ascending=False)  # where no order is asked for
FEW: Final = 50  # missing keys that are made each time and not kept

_KEYS: Final = {
    "sentAt": "sent", "from": "shown_author", "to": "shown_recipient", "subject": "subject",
}  # fmt: skip


async def ordered(
    account: Account,
    outline: Outline,
    matcher: Matcher,
    ids: frozenset[int],
    sorts: Sequence[Comparator],
) -> list[int]:
    """These Emails in the order of the comparators."""
    chosen = list(sorts) or [NEWEST]
    names = list(dict.fromkeys(_KEYS[one.property] for one in chosen if one.property in _KEYS))
    keys = await _keys(account, ids, names) if names else {}
    return await run(len(ids), _in_order, outline, matcher, ids, chosen, names, keys)


def _in_order(
    outline: Outline,
    matcher: Matcher,
    ids: frozenset[int],
    sorts: Sequence[Comparator],
    names: Sequence[str],
    keys: Mapping[int, Sequence[Any]],
) -> list[int]:
    """Sort by the last one first: what is equal by one stays as the next left it."""
    order = sorted(ids, reverse=not sorts[0].is_ascending)
    for one in reversed(sorts):
        order.sort(key=_key(outline, matcher, one, names, keys), reverse=not one.is_ascending)
    return order


def _key(
    outline: Outline,
    matcher: Matcher,
    one: Comparator,
    names: Sequence[str],
    keys: Mapping[int, Sequence[Any]],
) -> Callable[[int], Any]:
    name = one.property
    if name == "size":
        return _column(outline, "sizes").__getitem__
    if name == "receivedAt":
        received = _column(outline, "received")
        return lambda ident: received[ident] // 1000
    if name == "sentAt":
        at, received = names.index("sent"), _column(outline, "received")
        return lambda ident: (
            (received[ident] if keys[ident][at] is None else keys[ident][at]) // 1000
        )
    if name in _KEYS:
        at = names.index(_KEYS[name])
        return lambda ident: keys[ident][at]
    holders = matcher.answer(Fact(name, one.more["keyword"].lower()))
    return holders.__contains__


def _column(outline: Outline, name: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for box in outline.boxes.values():
        found.update(zip(box.ids, getattr(box, name), strict=True))
    return found


async def _keys(
    account: Account, ids: frozenset[int], names: Sequence[str]
) -> Mapping[int, Sequence[Any]]:
    """The keys of messages; of those that are gone, or damaged, empty ones."""
    found: dict[int, Sequence[Any]] = {}
    wanted = sorted(ids)
    for start in range(0, len(wanted), kept.MOST_READ):
        some = wanted[start : start + kept.MOST_READ]
        page = await account.store.read(kept.among, account.number, some, names)
        found.update((row[0], row[1:]) for row in page)
    missing = [ident for ident in wanted if ident not in found]
    for start in range(0, len(missing), kept.MOST):
        made = await _made(account, missing[start : start + kept.MOST], keep=len(missing) > FEW)
        found.update((ident, _values(keys, names)) for ident, keys in made.items())
    nothing = _values(SortKeys(), names)
    for ident in missing:
        found.setdefault(ident, nothing)
    return found


def _values(keys: SortKeys, names: Iterable[str]) -> Sequence[Any]:
    return [getattr(keys, name) for name in names]


async def _made(account: Account, ids: Sequence[int], *, keep: bool) -> dict[int, SortKeys]:
    source = account.store
    stored = await source.read(rows.stored, account.number, ids)
    heads = await source.read(source.blobs.heads, [one.blob_id for one in stored.values()])
    made = await asyncio.to_thread(
        _read, {one.id: heads.get(one.blob_id) for one in stored.values()}
    )
    if keep:
        with suppress(MailError, ConstraintFailed):
            await source.write_bulk(kept.add, account.number, sorted(made.items()))
    return made


def _read(heads: Mapping[int, bytes | None]) -> dict[int, SortKeys]:
    return {ident: sort_keys(head) for ident, head in heads.items() if head is not None}
