"""Email/query, Email/queryChanges (RFC 8621 §4.4, §4.5).

Results are kept for a while with the state that they are of: a client that goes through a long list
page by page has it put in order once.
"""

from array import array
from collections.abc import Mapping, Sequence
from typing import Final, overload
from weakref import WeakKeyDictionary

import msgspec

from postroom.access.kept import Kept
from postroom.access.offload import run
from postroom.store.store import Store
from postroom.web.jmap import arguments as read, changes, condition, states
from postroom.web.jmap.account import Account
from postroom.web.jmap.condition import Query
from postroom.web.jmap.emails import number_of
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.matching import Matcher
from postroom.web.jmap.method import Arguments, Call, Method, Result
from postroom.web.jmap.order import ordered
from postroom.web.jmap.outline import Outline, outline_of
from postroom.web.jmap.searching import search
from postroom.web.jmap.threads import email_id

MOST: Final = 10_000  # ids of one answer
KEPT: Final = 16 << 20  # octets of results that a server remembers

_RESULTS: Final[WeakKeyDictionary[Store, Kept]] = WeakKeyDictionary()


class Ids(Sequence[str]):
    """Ids of Emails by their numbers; each is written when it is taken."""

    def __init__(self, numbers: "array[int]") -> None:
        self._numbers = numbers

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [email_id(number) for number in self._numbers[at]]
        return email_id(self._numbers[at])

    def index(self, value: str, start: int = 0, stop: int = 1 << 62) -> int:
        """The place of an id; raises ValueError."""
        return self._numbers.index(number_of(value), start, stop)


async def query(call: Call) -> Result:
    """Email/query."""
    read.only(call.arguments, *read.QUERY, "collapseThreads")
    account = await call.account()
    asked, window = condition.query(call.arguments), read.window(call.arguments)
    limit = MOST if window.limit is None else min(window.limit, MOST)
    outline = await outline_of(account)
    state = states.pack_emails(states.of_outline(outline))
    numbers = await results(account, outline, state, asked, call.arguments)
    position, ids = msgspec.structs.replace(window, limit=limit).cut(Ids(numbers))
    return {
        "accountId": account.id,
        "queryState": state,
        "canCalculateChanges": True,
        "position": position,
        "ids": ids,
        **({"total": len(numbers)} if window.calculate_total else {}),
        **({"limit": limit} if limit != window.limit else {}),
    }


async def query_changes(call: Call) -> Result:
    """Email/queryChanges: of what has changed it is told where it is now (RFC 8620 §5.6)."""
    read.only(
        call.arguments, "accountId", "filter", "sort", "collapseThreads", "sinceQueryState",
        "maxChanges", "upToId", "calculateTotal",
    )  # fmt: skip
    account = await call.account()
    since, most = read.text(call.arguments, "sinceQueryState"), read.most_changes(call.arguments)
    asked = condition.query(call.arguments)
    read.text_or_null(call.arguments, "upToId")
    with_total = read.flag(call.arguments, "calculateTotal")
    before = states.read_emails(since)
    outline = await outline_of(account)
    state = states.pack_emails(states.of_outline(outline))
    emails, threads = await changes.difference(account, before, outline)
    touched = emails.created | emails.updated | emails.destroyed
    if asked.is_of_threads and touched:
        threads = await changes.threads_of_gone(account, emails, threads)
        touched |= await run(_work(outline), _companions, outline, touched, threads)
    numbers = await results(account, outline, state, asked, call.arguments)
    removed = sorted(touched - emails.created)
    added = [(at, number) for at, number in enumerate(numbers) if number in touched]
    if len(removed) + len(added) > most:
        raise MethodError("tooManyChanges", "ask for all results again")
    return {
        "accountId": account.id,
        "oldQueryState": since,
        "newQueryState": state,
        "removed": list(map(email_id, removed)),
        "added": [{"id": email_id(number), "index": at} for at, number in added],
        **({"total": len(numbers)} if with_total else {}),
    }


async def results(
    account: Account, outline: Outline, state: str, asked: Query, arguments: Arguments
) -> "array[int]":
    """All results, in their order."""
    if account.store not in _RESULTS:
        _RESULTS[account.store] = Kept(KEPT)
    kept = _RESULTS[account.store]
    said = [arguments.get("filter"), arguments.get("sort"), asked.is_collapsed]
    key = account.number, account.member, state, msgspec.json.encode(said)
    known = kept.get(key, array)
    if known is None:
        matcher = Matcher(outline)
        ids = await search(account, matcher, _work(outline), asked.tree)
        order = await ordered(account, outline, matcher, ids, asked.sorts)
        if asked.is_collapsed:
            order = await run(len(order), _collapsed, matcher, order)
        known = array("q", order)
        kept.put(key, known, len(state) + len(key[3]) + known.itemsize * len(known))
    return known


def _collapsed(matcher: Matcher, order: Sequence[int]) -> list[int]:
    """The first of each Thread (§4.4.3)."""
    threads = matcher.threads()
    first: dict[int, int] = {}
    for ident in order:
        first.setdefault(threads[ident], ident)
    return list(first.values())


def _companions(
    outline: Outline, touched: frozenset[int], gone: Mapping[int, int]
) -> frozenset[int]:
    """The Emails that are in a Thread with one of these."""
    threads = {email.thread_id for email in map(outline.email, touched) if email}
    threads |= {gone[ident] for ident in touched if ident in gone}
    found = outline.of_threads(threads).values()
    return frozenset(ident for idents in found for ident in idents)


def _work(outline: Outline) -> int:
    return sum(map(len, outline.boxes.values()))


METHODS: Final[Mapping[str, Method]] = {
    "Email/query": query,
    "Email/queryChanges": query_changes,
}
