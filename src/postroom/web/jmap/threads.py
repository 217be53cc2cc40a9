"""Thread/get, Thread/changes (RFC 8621 §3). Threads are those that IMAP tells (RFC 8474)."""

from collections.abc import Mapping
from typing import Final

from postroom.access.offload import run
from postroom.protocol.imap import object_ids
from postroom.web.jmap import arguments as read, changes, states
from postroom.web.jmap.errors import MethodError
from postroom.web.jmap.method import Call, Method, Result
from postroom.web.jmap.outline import outline_of

_PROPERTIES: Final = ("id", "emailIds")


async def get(call: Call) -> Result:
    """Thread/get: the Emails of each, the oldest first."""
    read.only(call.arguments, "accountId", "ids", "properties")
    account = await call.account()
    ids = read.wanted_ids(call.arguments)
    properties = read.wanted_properties(call.arguments, _PROPERTIES)
    if ids is None:
        raise MethodError("requestTooLarge", "there may be very many threads: name some by ids")
    outline = await outline_of(account)
    numbers = {one: number_of(one) for one in ids}
    work = sum(map(len, outline.boxes.values()))
    found = await run(work, outline.of_threads, [one for one in numbers.values() if one])
    told = [
        {"id": ident, "emailIds": [email_id(one) for one in found[number]]}
        for ident, number in numbers.items()
        if number in found
    ]
    state = states.pack_emails(states.of_outline(outline))
    return read.got(account.id, state, [read.picked(one, properties) for one in told], ids)


async def thread_changes(call: Call) -> Result:
    """Thread/changes."""
    since, most = read.changes(call.arguments)
    account = await call.account()
    found = await changes.told(account, since, most, "threads")
    return {
        "accountId": account.id,
        "oldState": since,
        "newState": found.state,
        "hasMoreChanges": found.has_more,
        **changes.identified(found, object_ids.thread_id),
    }


def email_id(number: int) -> str:
    """The id of an Email, which is its EMAILID (RFC 8474)."""
    return object_ids.email_id(number).decode("ascii")


def number_of(ident: str) -> int:
    """The number in the id of a Thread; 0 when it is none of ours."""
    return object_ids.number_of(ident.encode("ascii", "replace"), "T")


METHODS: Final[Mapping[str, Method]] = {
    "Thread/get": get,
    "Thread/changes": thread_changes,
}
