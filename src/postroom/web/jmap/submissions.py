"""EmailSubmission/get, /changes, /query, /queryChanges, /set (RFC 8621 §7).

A message goes through the same intake as that of every mail program, and its submission is written
in the transaction that makes it ours. It can be taken back while it waits for its time and nobody
has tried to deliver any of it. What became of it is told from the ledger.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Never

from postroom.db.database import Tx
from postroom.db.ids import from_text
from postroom.errors import OutcomeUnknown
from postroom.ledger import rows as ledger, trace
from postroom.ledger.rows import Fact, folded
from postroom.message.headers import MAX_HEADER, split
from postroom.protocol.imap import object_ids
from postroom.queue import submissions as rows
from postroom.queue.rows import NOTIFY_KEY
from postroom.queue.submissions import State, Submission, Wish
from postroom.web import submitting
from postroom.web.jmap import (
    arguments as read,
    email_set,
    email_write,
    envelopes,
    filters,
    identities,
    sources,
)
from postroom.web.jmap.account import Account
from postroom.web.jmap.blobs import Blob, Pieces
from postroom.web.jmap.emails import utc
from postroom.web.jmap.errors import MethodError, SetError, invalid, invalid_properties
from postroom.web.jmap.fields_write import Unfit, moment
from postroom.web.jmap.limits import MAX_GET
from postroom.web.jmap.method import Answers, Call, Methods, Result
from postroom.web.jmap.outline import Email
from postroom.web.jmap.setting import SET, Setter, carry_out
from postroom.web.jmap.threads import email_id
from postroom.web.submitting import NotTaken

PROPERTIES: Final = (
    "id", "identityId", "emailId", "threadId", "envelope", "sendAt", "undoStatus",
    "deliveryStatus", "dsnBlobIds", "mdnBlobIds",
)  # fmt: skip
MOST: Final = 100_000  # submissions of an account that are looked through
MOST_TOLD: Final = 1000
IMPLICIT: Final = ("onSuccessUpdateEmail", "onSuccessDestroyEmail")

_LOOKED_UP: Final = frozenset({"undoStatus", "deliveryStatus"})
_SORTS: Final[Mapping[str, Callable[[Submission], Any]]] = {
    "emailId": lambda one: email_id(one.email_id),
    "threadId": lambda one: _thread_id(one.thread_id),
    "sentAt": lambda one: one.send_at,
}


async def get(call: Call) -> Result:
    """EmailSubmission/get."""
    read.only(call.arguments, "accountId", "ids", "properties")
    account = await call.account()
    ids = read.wanted_ids(call.arguments)
    properties = read.wanted_properties(call.arguments, PROPERTIES)
    db, now = call.office.db, call.office.now()
    looks = not _LOOKED_UP.isdisjoint(properties)

    def look(tx: Tx) -> tuple[State, list[dict[str, Any]]]:
        if ids is None:
            found = rows.every(tx, account.number, MAX_GET + 1)
        else:
            found = rows.some(tx, account.number, [number_of(one) for one in ids])
        if len(found) > MAX_GET:
            raise MethodError("requestTooLarge", "there are many: name some by ids")
        told = [_told(one) | (_became(tx, one, now) if looks else {}) for one in found]
        return rows.state(tx, account.number, now), told

    state, told = await db.read(look)
    picked = [read.picked(one, properties) for one in told]
    return read.got(account.id, _packed(state), picked, ids)


async def changes(call: Call) -> Result:
    """EmailSubmission/changes."""
    since, most = read.changes(call.arguments, MOST_TOLD)
    account = await call.account()
    before, now = _unpacked(since), call.office.now()

    def look(tx: Tx) -> tuple[rows.Since | None, list[tuple[int, int]], State]:
        found = rows.since(tx, account.number, before, most)
        room = 0 if found is None else most - _count(found)
        told = rows.told(tx, account.number, before.told, room + 1, now) if room else []
        return found, told, rows.state(tx, account.number, now)

    found, told, after = await call.office.db.read(look)
    if found is None:
        raise MethodError("cannotCalculateChanges", "get all EmailSubmissions anew")
    room = most - _count(found)
    base = before.modseq if before.base < 0 else before.base
    has_more = found.has_more or room == 0 < len(told) or len(told) > room
    if found.has_more or (room == 0 and after.told > before.told):
        after, told, has_more = State(found.modseq, before.told, base), [], True
    elif len(told) > room:
        told = told[:room]
        after = State(found.modseq, told[-1][1])
    known = {*found.created, *found.updated}
    updated = found.updated + [one for one, _ in told if one not in known]
    return {
        "accountId": account.id,
        "oldState": since,
        "newState": _packed(after),
        "hasMoreChanges": has_more,
        "created": list(map(submission_id, found.created)),
        "updated": list(map(submission_id, updated)),
        "destroyed": list(map(submission_id, found.destroyed)),
    }


async def query(call: Call) -> Result:
    """EmailSubmission/query."""
    read.only(call.arguments, *read.QUERY)
    account = await call.account()
    tree = filters.read(call.arguments.get("filter"), _condition)
    sorts = read.comparators(call.arguments, _SORTS, {})
    window = read.window(call.arguments)
    now = call.office.now()

    def look(tx: Tx) -> tuple[State, list[str]]:
        found = [
            one
            for one in rows.every(tx, account.number, MOST)
            if filters.holds(tree, lambda test, one=one: test(tx, one, now))  # type: ignore[misc]
        ]
        for sort in reversed(sorts):
            found.sort(key=_SORTS[sort.property], reverse=not sort.is_ascending)
        return rows.state(tx, account.number, now), [submission_id(one.id) for one in found]

    state, ids = await call.office.db.read(look)
    position, shown = window.cut(ids)
    return {
        "accountId": account.id,
        "queryState": _packed(state),
        "canCalculateChanges": False,
        "position": position,
        "ids": shown,
        **({"total": len(ids)} if window.calculate_total else {}),
    }


async def query_changes(call: Call) -> Never:
    """EmailSubmission/queryChanges: what a query finds changes with time."""
    await call.account()
    raise MethodError("cannotCalculateChanges", "query anew")


async def put(call: Call) -> Answers:
    """EmailSubmission/set, and the Email/set that follows it (§7.5)."""
    read.only(call.arguments, *SET, *IMPLICIT)
    call.require("smtp")
    account = await call.account(write=True)
    patches = read.mapping(call.arguments, IMPLICIT[0]) or {}
    if not all(isinstance(one, dict) for one in patches.values()):
        raise invalid(f"{IMPLICIT[0]} must be patches by id")
    gone = read.some_ids(call.arguments, IMPLICIT[1]) or []
    work = _Setting(call, account)
    setter = Setter(work.state, work.create, work.update, work.destroy)
    answer = await carry_out(call, account.id, setter)
    update = {work.emails[one]: patches[one] for one in patches if one in work.emails}
    destroy = [work.emails[one] for one in gone if one in work.emails]
    if not update and not destroy:
        return answer
    implied = {"accountId": account.id, "update": update or None, "destroy": destroy or None}
    after = Call(call.services, call.caller, call.using, call.created, "Email/set", implied)
    try:
        return [(call.name, answer), ("Email/set", await email_set.put(after))]
    except MethodError as error:
        return [(call.name, answer), ("error", error.response())]


METHODS: Final[Methods] = {
    "EmailSubmission/get": get,
    "EmailSubmission/changes": changes,
    "EmailSubmission/query": query,
    "EmailSubmission/queryChanges": query_changes,
    "EmailSubmission/set": put,
}


def _count(found: rows.Since) -> int:
    return len(found.created) + len(found.updated) + len(found.destroyed)


def submission_id(number: int) -> str:
    """As the client knows it."""
    return f"S{number:x}"


def number_of(ident: str) -> int:
    """The number in an id; 0 when it is none of ours."""
    try:
        number = int(ident[1:], 16)
    except ValueError:
        return 0
    return number if submission_id(number) == ident and number < 1 << 63 else 0


class _Setting:
    """What a set does; ``emails``: the id of the Email by how the submission was named."""

    def __init__(self, call: Call, account: Account) -> None:
        self._call = call
        self._account = account
        self._office = call.office
        self.emails: dict[str, str] = {}

    async def state(self) -> str:
        office, number = self._office, self._account.number
        return _packed(await office.db.read(lambda tx: rows.state(tx, number, office.now())))

    async def create(self, creation: str, given: dict[str, Any]) -> dict[str, Any]:
        for name in given:
            if name not in {"identityId", "emailId", "envelope", "undoStatus"}:
                raise invalid_properties(f"{name} is set by the server", name)
        if given.get("undoStatus", "pending") != "pending":
            raise invalid_properties("a new submission is pending", "undoStatus")
        call, account, office = self._call, self._account, self._office
        identity = await self._identity(given.get("identityId"))
        found, blob = await self._email(given.get("emailId"))
        limits = office.config.limits
        if 0 < limits.max_message < blob.size:
            raise SetError("tooLarge", "the message is too large", maxSize=limits.max_message)
        envelope = given.get("envelope")
        if envelope is None:
            envelope = envelopes.of_message(await _head(blob.pieces()))
        else:
            envelope = envelopes.given(envelope)
        commands = envelopes.commands(envelope, now=office.now(), most=limits.max_recipients)
        wish = Wish(account.number, identity, found.id, found.thread_id, json.dumps(envelope))
        try:
            queue_id = await submitting.hand_in(
                call.services.intake, call.peer, call.person, commands, blob.pieces(), wish
            )
        except NotTaken as error:
            raise _refusal(error, limits.max_message) from None
        except OutcomeUnknown:
            raise SetError(
                "serverFail", "the disk failed: look whether the submission is there"
            ) from None
        ident = from_text(queue_id)
        self.emails[f"#{creation}"] = self.emails[submission_id(ident)] = email_id(found.id)
        (row,) = await office.db.read(lambda tx: rows.some(tx, account.number, [ident]))
        told = _told(row) | await office.db.read(lambda tx: _became(tx, row, office.now()))
        return {name: told[name] for name in told if name not in given or told[name] != given[name]}

    async def update(self, ident: str, patch: dict[str, Any]) -> None:
        one = await self._there(ident)
        office = self._office
        now = await office.db.read(lambda tx: _became(tx, one, office.now()))
        for name, value in patch.items():
            if name != "undoStatus" or value not in {"canceled", now["undoStatus"]}:
                raise invalid_properties(
                    f"{name} can't be changed so: undoStatus can become canceled", name
                )
        self.emails[ident] = email_id(one.email_id)
        if patch.get("undoStatus", now["undoStatus"]) == now["undoStatus"]:
            return
        if not await self._canceled(one):
            del self.emails[ident]
            raise SetError("cannotUnsend", "the message is on its way already")

    async def destroy(self, ident: str) -> None:
        one = await self._there(ident)
        await self._office.db.write(lambda tx: rows.destroy(tx, one))
        self.emails[ident] = email_id(one.email_id)

    async def _canceled(self, one: Submission) -> bool:
        office = self._office

        def write(tx: Tx) -> bool:
            now = office.now()
            taken = rows.cancel(tx, office.blobs, one, now)
            if taken is None:
                return False
            facts = [
                Fact(
                    each.queued_id, office.ids.next(), now, "removed", folded(each.recipient),
                    detail="by who sent it",
                )
                for each in taken
            ]  # fmt: skip
            ledger.note(tx, facts)
            return True

        is_canceled = await office.db.write(write)
        office.notify.publish([NOTIFY_KEY])
        return is_canceled

    async def _email(self, value: object) -> tuple[Email, Blob]:
        account = self._account
        ident = self._call.resolved(value) if isinstance(value, str) else None
        try:
            found, _ = await email_write.located(account, ident or "")
        except SetError:
            raise invalid_properties(f"there is no Email {value!r}", "emailId") from None
        blob = await sources.message(account, found.id)
        if blob is None:
            raise invalid_properties(f"there is no Email {value!r}", "emailId")
        return found, blob

    async def _identity(self, value: object) -> str:
        ident = self._call.resolved(value) if isinstance(value, str) else None
        if ident not in await identities.every(self._call, self._account):
            raise invalid_properties(f"there is no Identity {value!r}", "identityId")
        return ident

    async def _there(self, ident: str) -> Submission:
        number, account = number_of(ident), self._account.number
        found = await self._office.db.read(lambda tx: rows.some(tx, account, [number]))
        if not found:
            raise SetError("notFound", f"there is no EmailSubmission {ident!r}")
        return found[0]


def _refusal(error: NotTaken, max_message: int) -> SetError:
    """What the mail system says, in the words of JMAP."""
    why, reply = str(error), error.reply
    if error.stage == "recipient" and error.refused:
        named = list(map(str, error.refused))
        return SetError("invalidRecipients", why, invalidRecipients=named)
    if error.stage == "recipient" and reply.status == "4.7.1":
        return SetError("rateLimit", why)
    if not reply.is_permanent:
        return SetError("serverFail", f"{why}; try again later")
    if error.stage == "sender":
        return SetError("forbiddenMailFrom", why)
    if reply.code == 552:
        return SetError("tooLarge", why, maxSize=max_message)
    if reply.status == "5.6.0":
        return SetError("invalidEmail", why, ["from"])
    is_author = "does not belong to you" in why
    return SetError("forbiddenFrom" if is_author else "forbiddenToSend", why)


async def _head(pieces: Pieces) -> bytes:
    octets = b""
    async for piece in pieces:
        octets += piece
        head, body = split(octets)
        if body or len(octets) > MAX_HEADER:
            return head[:MAX_HEADER]
    return split(octets)[0]


def _told(one: Submission) -> dict[str, Any]:
    """What does not change."""
    return {
        "id": submission_id(one.id),
        "identityId": one.identity,
        "emailId": email_id(one.email_id),
        "threadId": _thread_id(one.thread_id),
        "envelope": json.loads(one.envelope),
        "sendAt": utc(one.send_at),
        "undoStatus": "final",
        "deliveryStatus": None,
        "dsnBlobIds": [],
        "mdnBlobIds": [],
    }


def _undo(tx: Tx, one: Submission, now: int) -> str:
    if one.undo:
        return "canceled"
    return "pending" if rows.is_waiting(tx, one.id, now) else "final"


def _became(tx: Tx, one: Submission, now: int) -> dict[str, Any]:
    """Whether it can be taken back, and what became of it for each recipient."""
    undo, story = _undo(tx, one, now), trace.by_id(tx, one.id)
    if story is None:
        return {"undoStatus": undo, "deliveryStatus": None}
    latest: dict[str, Fact] = {}
    for fact in story.facts:
        if fact.kind in _BECAME:
            latest[fact.recipient] = fact
    return {
        "undoStatus": undo,
        "deliveryStatus": {
            party["email"]: _status(latest.get(folded(party["email"])))
            for party in json.loads(one.envelope)["rcptTo"]
        },
    }


_BECAME: Final = {
    "filed": "yes",
    "queued": "queued",
    "deferred": "queued",
    "held": "queued",
    "released": "queued",
    "delivered": "unknown",  # to the server of somebody else
    "bounced": "no",
    "removed": "no",
    "refused": "no",
}


def _status(fact: Fact | None) -> dict[str, str]:
    """A DeliveryStatus."""
    reply, delivered = "250 2.0.0 Accepted", "unknown"
    if fact is not None:
        delivered = _BECAME[fact.kind]
        said = fact.detail.partition(": ")[2] or fact.detail
        if said[:3].isdecimal():
            reply = said
        elif delivered == "no":
            reply = f"550 5.0.0 {said}".strip()
    return {"smtpReply": reply, "delivered": delivered, "displayed": "unknown"}


Test = Callable[[Tx, Submission, int], bool]


def _condition(given: dict[str, Any]) -> Test:
    tests = [_test(name, value) for name, value in given.items()]
    return lambda tx, one, now: all(test(tx, one, now) for test in tests)


def _test(name: str, value: Any) -> Test:
    if name in {"before", "after"}:
        try:
            at, _ = moment(value)
        except Unfit as error:
            raise invalid(f"filter: {name}: {error}") from None
        if name == "before":
            return lambda _tx, one, _now: one.send_at < at
        return lambda _tx, one, _now: one.send_at >= at
    if name == "undoStatus":
        if value not in {"pending", "final", "canceled"}:
            raise invalid("filter: undoStatus is pending, final or canceled")
        return lambda tx, one, now: _undo(tx, one, now) == value
    if name not in _LISTS:
        raise MethodError("unsupportedFilter", f"there is no condition {name!r}")
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise invalid(f"filter: {name} is an Id[]")
    wanted, of = frozenset(value), _LISTS[name]
    return lambda _tx, one, _now: of(one) in wanted


_LISTS: Final[Mapping[str, Callable[[Submission], str]]] = {
    "identityIds": lambda one: one.identity,
    "emailIds": lambda one: email_id(one.email_id),
    "threadIds": lambda one: _thread_id(one.thread_id),
}


def _thread_id(number: int) -> str:
    return object_ids.thread_id(number).decode("ascii")


def _packed(state: State) -> str:
    base = "" if state.base < 0 else f".{state.base:x}"
    return f"s{state.modseq:x}.{state.told:x}{base}"


def _unpacked(text: str) -> State:
    """Raises ``cannotCalculateChanges`` for a state that is none."""
    try:
        numbers = [int(one, 16) for one in text[1:].split(".")]
        found = State(*numbers)
    except (ValueError, TypeError):
        found = State(-1, -1)
    if _packed(found) != text or not 0 <= max(found.modseq, found.told) < 1 << 62:
        raise MethodError("cannotCalculateChanges", "there is no such state")
    return found
