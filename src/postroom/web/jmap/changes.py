"""Changes of Emails and Threads since a state, so many at a time (RFC 8620 §5.2).

Where there are more than may be told, they are told in the order of their ids, and the new state
is one in between: what has changed meanwhile among those that were told comes after the others.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple

from postroom.access.offload import run
from postroom.db.database import Row, Tx
from postroom.store import outline as rows, vanished
from postroom.web.jmap import differences, states
from postroom.web.jmap.account import Account
from postroom.web.jmap.differences import Difference
from postroom.web.jmap.outline import Outline, outline_of
from postroom.web.jmap.states import Between, Emails, unknown

MOST_GONE: Final = 50_000  # expunges that are looked at

Kind = Literal["emails", "threads"]


class Told(NamedTuple):
    """The answer to a /changes; ids are numbers, ascending."""

    created: list[int]
    updated: list[int]
    destroyed: list[int]
    state: str
    has_more: bool


async def told(account: Account, since: str, most: int, kind: Kind) -> Told:
    """What has changed since a state; raises ``cannotCalculateChanges``."""
    between = states.read_since(since)
    outline = await outline_of(account)
    now = states.of_outline(outline)
    found, threads = await difference(account, between.since, outline)
    if kind == "threads":
        found = await _of_threads(account, found, threads, outline)
    destroyed = found.destroyed | found.passing if between.is_late else found.destroyed
    ids = sorted(one for one in found.created | found.updated | destroyed if one > between.last)
    chosen = frozenset(ids[:most])
    state, has_more = _next(between, now, ids, most)
    return Told(
        sorted(found.created & chosen),
        sorted(found.updated & chosen),
        sorted(destroyed & chosen),
        state,
        has_more,
    )


def _next(between: Between, now: Emails, ids: Sequence[int], most: int) -> tuple[str, bool]:
    """The new state, and whether there is more to tell."""
    if len(ids) > most:
        known = now if between.known is None else between.known
        return states.pack_between(between._replace(known=known, last=ids[most - 1])), True
    if between.known is None or between.known == now:
        return states.pack_emails(now), False
    return states.pack_between(Between(between.known, None, 0, is_late=True)), True


async def difference(
    account: Account, before: Emails, outline: Outline
) -> tuple[Difference, dict[int, int]]:
    """What has become of Emails since, and the Threads of some that are gone.

    Raises ``cannotCalculateChanges``.
    """
    asked = differences.asked(before, outline)
    if not asked and before.keys() >= outline.boxes.keys():
        return differences.NOTHING, {}
    gone = await account.store.read(_gone, asked)
    emails = await run(_work(outline), differences.of_emails, before, outline, gone)
    return emails, differences.threads_of(gone.values())


async def threads_of_gone(
    account: Account, emails: Difference, threads: dict[int, int]
) -> dict[int, int]:
    """The Threads of all Emails that are gone; raises ``cannotCalculateChanges``."""
    lost = [ident for ident in emails.destroyed if ident not in threads]
    if lost:
        threads |= await account.store.read(rows.threads, account.number, lost)
    if any(ident not in threads for ident in emails.destroyed):
        raise unknown("the threads of messages that are gone are not known any more")
    return threads


async def _of_threads(
    account: Account, emails: Difference, threads: dict[int, int], outline: Outline
) -> Difference:
    threads = await threads_of_gone(account, emails, threads)
    return await run(_work(outline), differences.of_threads, emails, outline, threads)


def _work(outline: Outline) -> int:
    return sum(map(len, outline.boxes.values()))


def _gone(tx: Tx, asked: dict[int, tuple[int, int]]) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = {}
    room = MOST_GONE
    for mailbox_id, (since, upto) in asked.items():
        some = vanished.messages(tx, mailbox_id, since, upto, room + 1)
        if some is None or len(some) > room:
            raise unknown("what was deleted since then is not known any more, or too much")
        room -= len(some)
        found[mailbox_id] = some
    return found


def identified(told: Told, write: Callable[[int], bytes]) -> dict[str, list[str]]:
    """``created``, ``updated`` and ``destroyed`` of the response."""
    return {
        name: [write(number).decode("ascii") for number in numbers]
        for name, numbers in zip(("created", "updated", "destroyed"), told[:3], strict=True)
    }
