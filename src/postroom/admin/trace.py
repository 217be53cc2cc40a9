"""The story of a message: by queue id, Message-ID or address.

What was accepted is in the ledger, with everything that became of it since; what was
refused is read back from the log.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set as AbstractSet
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from postroom.address import Address, AddressError
from postroom.admin import names
from postroom.admin.office import Office
from postroom.admin.queue import DeliveryView, delivery_view
from postroom.db.database import Tx
from postroom.db.ids import from_text, to_text
from postroom.directory import accounts, addresses, administrators
from postroom.errors import NotFound
from postroom.ledger import trace
from postroom.ledger.rows import Fact, folded, normal_id
from postroom.ledger.trace import Sought, Story
from postroom.message.failures import Failure, of_reply
from postroom.queue import listing
from postroom.store import mailboxes
from postroom.telemetry import sink

GIVEN_UP: Final = "given up after the last attempt: "
_FAILED: Final = frozenset({"deferred", "bounced"})
_ANSWERS: Final = ("2", "4", "5")
_ATTEMPTS: Final = frozenset({"delivered", "deferred", "bounced"})
REFUSALS: Final = frozenset({"message.refused", "recipient.refused", "sender.refused"})


class FactView(msgspec.Struct, frozen=True):
    """One thing that happened. ``account``, ``mailbox`` and ``uid``: where a copy went.

    Of an attempt to deliver, ``reply`` is what decided it and ``host`` who said that; ""
    when we came to it ourselves. ``failure`` is the class of one that did not succeed
    (``message.failures``).
    """

    at: datetime
    kind: str
    recipient: str
    account: str
    mailbox: str
    uid: int | None
    detail: str
    host: str
    reply: str
    failure: Failure | Literal[""] = ""


class StoryView(msgspec.Struct, frozen=True):
    """An accepted message, what became of it, and who still waits for it."""

    id: str
    at: datetime
    door: str
    peer: str
    helo: str
    tls: str
    account: str
    sender: str
    message_id: str
    subject: str
    size: int
    facts: tuple[FactView, ...]
    waiting: tuple[DeliveryView, ...]


class RefusalView(msgspec.Struct, frozen=True):
    """Something that was refused; ``reason`` is for the operator."""

    at: str
    event: str
    peer: str
    sender: str
    recipients: tuple[str, ...]
    message_id: str
    status: str
    reason: str


class Found(msgspec.Struct, frozen=True):
    """Everything that is known; newest first. ``more``: there are older messages."""

    messages: tuple[StoryView, ...]
    refusals: tuple[RefusalView, ...]
    more: bool


async def find(office: Office, text: str, *, limit: int = 20, within: int | None = None) -> Found:
    """The newest ``limit`` messages and refusals; raises NotFound when there are none.

    ``within``: only what concerns the domains of this administrator. Of what others wrote to
    several domains, that is what became of it for their own people; of what their own people
    wrote, not where others here have it.
    """
    text = text.strip()
    messages = await _by_queue_id(office, text)
    more = False
    if not messages:
        sought = Sought(message_id=normal_id(text), within=within or 0)
        messages, more = await _search(office, sought, limit)
    address = _address(text)
    if not messages and address is not None:
        account = await office.directory.look(lambda tx: accounts.find(tx, address))
        ident = account.id if account else 0
        sought = Sought(address=folded(str(address)), account_id=ident, within=within or 0)
        messages, more = await _search(office, sought, limit)
    names_in_reach: frozenset[str] | None = None
    if within is not None:
        names_in_reach = await office.db.read(lambda tx: administrators.reach(tx, within))
    refusals = await asyncio.to_thread(_refusals, office, text, limit, names_in_reach)
    views = [
        view
        for one in messages
        if (view := await office.db.read(lambda tx, one=one: _seen(tx, one, within)))  # type: ignore[misc]
    ]
    if not views and not refusals:
        raise NotFound(
            f"nothing is known of {text}; stories are kept {office.config.limits.ledger_days} days"
        )
    return Found(tuple(views), tuple(refusals), more)


async def newest(office: Office, text: str) -> Story | None:
    """The newest message with this queue id or Message-ID; None without one."""
    found = await _by_queue_id(office, text.strip())
    if not found:
        found, _ = await _search(office, Sought(message_id=normal_id(text)), 1)
    return found[0] if found else None


async def view_of(office: Office, message_id: str) -> StoryView | None:
    """The newest message with this Message-ID, as it is shown; None without one.

    Unlike ``find`` it reads no log: who waits for something may ask often.
    """
    found, _ = await _search(office, Sought(message_id=normal_id(message_id)), 1)
    return await office.db.read(lambda tx: _view(tx, found[0])) if found else None


async def _by_queue_id(office: Office, text: str) -> list[Story]:
    try:
        ident = from_text(text)
    except ValueError:
        return []
    story = await office.db.read(lambda tx: trace.by_id(tx, ident))
    return [story] if story else []


async def _search(office: Office, sought: Sought, limit: int) -> tuple[list[Story], bool]:
    """At most ``limit`` stories, and whether there are more."""
    found: list[Story] = []
    below = trace.NEWEST
    while below != trace.THE_END and len(found) <= limit:
        room = limit + 1 - len(found)
        step, below = await office.db.read(
            lambda tx, below=below, room=room: trace.search(tx, sought, below=below, limit=room)  # type: ignore[misc]
        )
        found += step
    return found[:limit], len(found) > limit


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text.removeprefix("<").removesuffix(">"))
    except AddressError:
        return None


def _refusals(
    office: Office, text: str, limit: int, domains: frozenset[str] | None
) -> list[RefusalView]:
    """From the log, newest first; only what concerns ``domains``, if they are given."""
    address = _address(text)
    wanted = str(address).casefold() if address else text.casefold()
    message_id = normal_id(text)

    def is_about(event: Mapping[str, Any]) -> bool:
        if event.get("event") not in REFUSALS:
            return False
        if event.get("message_id") == message_id:
            return True
        people = (event.get("sender"), event.get("recipient"), *(event.get("recipients") or ()))
        return any(str(one).casefold() == wanted for one in people if one)

    # It spares decoding other lines. Domains are logged in lower case, Message-IDs as written.
    needle = address.domain.ascii if address and message_id.endswith(address.domain.ascii) else ""
    events = sink.read_back(office.config.log_path, is_about, containing=needle)
    found = map(_refusal, events)
    some = found if domains is None else _refusals_of(domains, found)
    return list(reversed(deque(some, maxlen=limit)))


def _refusals_of(domains: frozenset[str], some: Iterable[RefusalView]) -> Iterator[RefusalView]:
    """Those that concern these domains; of what others wrote, without the recipients in others."""
    for one in some:
        recipients = one.recipients
        if not _is_of(domains, one.sender):
            recipients = tuple(each for each in recipients if _is_of(domains, each))
            if not recipients:
                continue
        yield msgspec.structs.replace(one, recipients=recipients)


def _refusal(event: Mapping[str, Any]) -> RefusalView:
    recipient = event.get("recipient")
    return RefusalView(
        at=str(event.get("at", "")),
        event=str(event.get("event", "")),
        peer=str(event.get("peer", "")),
        sender=str(event.get("sender", "")),
        recipients=(str(recipient),) if recipient else tuple(event.get("recipients") or ()),
        message_id=str(event.get("message_id", "")),
        status=str(event.get("status", "")),
        reason=str(event.get("reason", "")),
    )


def _seen(tx: Tx, story: Story, within: int | None) -> StoryView | None:
    """The story as an administrator of single domains sees it; None when it is no concern."""
    if within is None:
        return _view(tx, story)
    reach = administrators.reach(tx, within)
    people = {story.entry.account_id, *(fact.account_id for fact in story.facts)} - {None}
    own = {one for one in people if one and administrators.reaches_account(tx, within, one)}
    is_theirs = story.entry.account_id in own
    facts: dict[tuple[str, ...] | int, Fact] = {}
    for fact in story.facts:
        is_own = _is_of(reach, fact.recipient)
        if not is_own and (not is_theirs or (fact.kind == "noted" and fact.recipient)):
            continue
        if fact.account_id in own or fact.account_id is None:
            facts[fact.number] = fact
        else:  # of the members of a list there is only the list
            facts[fact.kind, fact.recipient] = Fact(
                fact.ledger_id, fact.number, fact.at, fact.kind, fact.recipient
            )
    if not facts and not is_theirs:
        return None
    seen = _view(tx, Story(story.entry, tuple(facts.values())))
    return seen if is_theirs else msgspec.structs.replace(seen, waiting=(), account="")


def _is_of(domains: frozenset[str], *addresses: str) -> bool:
    parsed = [_address(one) for one in addresses]
    return any(one is not None and one.domain.ascii in domains for one in parsed)


def _view(tx: Tx, story: Story) -> StoryView:
    entry = story.entry
    waiting = listing.show(tx, entry.id)
    idents = [entry.account_id, *(fact.account_id for fact in story.facts)]
    people = _people(tx, {one for one in idents if one is not None})
    places = {one.mailbox_id for one in story.facts if one.mailbox_id is not None}
    boxes = {box.id: box.name for box in mailboxes.among(tx, [], sorted(places))}

    def fact(one: Fact) -> FactView:
        name = ""
        if one.account_id is not None and one.mailbox_id is not None:
            name = boxes.get(one.mailbox_id, "a mailbox since deleted")
        host, reply = said(one.detail) if one.kind in _ATTEMPTS else ("", "")
        return FactView(
            at=names.moment(one.at),
            kind=one.kind,
            recipient=one.recipient,
            account=people[one.account_id],
            mailbox=name,
            uid=one.uid,
            detail=one.detail,
            host=host,
            reply=reply,
            failure=(of_reply(reply) or "") if one.kind in _FAILED else "",
        )

    return StoryView(
        id=to_text(entry.id),
        at=names.moment(entry.at),
        door=entry.door,
        peer=entry.peer,
        helo=entry.helo,
        tls=entry.tls,
        account=people[entry.account_id],
        sender=entry.sender,
        message_id=entry.message_id,
        subject=entry.subject,
        size=entry.size,
        facts=tuple(fact(one) for one in story.facts),
        waiting=tuple(delivery_view(one) for one in waiting.deliveries) if waiting else (),
    )


def _people(tx: Tx, idents: AbstractSet[int]) -> dict[int | None, str]:
    """The addresses of these accounts; "" for none."""
    named = addresses.main_of(tx, sorted(idents), also_removed=True)
    people: dict[int | None, str] = {None: ""}
    for ident in idents:
        people[ident] = str(named[ident]) if ident in named else f"account {ident}"
    return people


def said(detail: str) -> tuple[str, str]:
    """Host and reply of an attempt, from ``mx.example.org: 250 2.0.0 Ok``.

    A report (RFC 3464) may tell a status alone: ``mx.example.org: 5.1.1``.
    """
    text = detail.removeprefix(GIVEN_UP)
    host, colon, reply = text.partition(": ")
    if colon and " " not in host and reply.startswith(_ANSWERS):
        return host, reply
    return "", text
