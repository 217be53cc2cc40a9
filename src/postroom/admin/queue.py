"""The queue: list, show, stats, hold, release, retry, reroute, remove.

Letters are named by their queue ids, or chosen by what they have in common. What is done
to a letter is noted in the ledger in the same transaction; long work goes in chunks.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final, Literal, NamedTuple

import msgspec

from postroom.admin import names, paging
from postroom.admin.office import Office
from postroom.admin.outgoing import relays
from postroom.admin.paging import Slice
from postroom.admin.recording import recorded
from postroom.db.database import Tx
from postroom.db.ids import to_text
from postroom.delivery.router import DIRECT, RELAY
from postroom.directory import accounts
from postroom.errors import Invalid, NotFound
from postroom.ledger import rows as ledger
from postroom.ledger.rows import Fact, Kind, folded
from postroom.message.failures import Failure, of_reply
from postroom.queue import changes, listing
from postroom.queue.changes import Changed
from postroom.queue.listing import Delivery, Depth, Filter, Stats, Status, Waiting
from postroom.queue.rows import BULK, FIRST, NORMAL, NOTIFY_KEY, OURS, STRANGER, VERIFIED

PAGE: Final = 500
CHUNK: Final = 1000  # recipients changed in one transaction
TOP: Final = 20  # destinations in the statistics
MOST_DEPTHS: Final = 500  # destinations told of with one message

Action = Literal["held", "released", "retried", "rerouted", "removed"]
Priority = Literal["first", "normal", "bulk"]
Origin = Literal["ours", "verified", "stranger"]

_PRIORITY: Final[dict[int, Priority]] = {FIRST: "first", NORMAL: "normal", BULK: "bulk"}
_ORIGIN: Final[dict[int, Origin]] = {OURS: "ours", VERIFIED: "verified", STRANGER: "stranger"}
_BY_US: Final = "by the postmaster"


class DeliveryView(msgspec.Struct, frozen=True):
    """A recipient that waits.

    ``route`` is the way that a postmaster chose: "mx" for straight, "relay:NAME", or "".
    ``failure`` is the class of the last reply (``message.failures``).
    """

    recipient: str
    destination: str
    status: Status
    attempts: int
    next_attempt: datetime
    last_reply: str
    route: str
    failure: Failure | Literal[""] = ""


class DepthView(msgspec.Struct, frozen=True):
    """How many deliveries wait for one destination, and until when it is left alone.

    ``failures`` in a row of all its servers; ``last_reply`` is why.
    """

    destination: str
    deliveries: int
    in_flight: int
    failures: int
    paused_until: datetime | None
    last_reply: str


class QueuedView(msgspec.Struct, frozen=True):
    """A letter in the queue. ``sender`` is "" for the null reverse-path."""

    id: str
    accepted: datetime
    sender: str
    size: int
    held: bool
    recipients: tuple[DeliveryView, ...]


class QueuedDetails(QueuedView, frozen=True):
    """A letter with everything that is known of it. ``account``: who submitted it.

    ``due``: not tried before. ``origin`` ours: it is signed, and its sender is told of
    failures; verified: its sender is told; stranger: the postmaster is.
    """

    account: str
    message_id: str
    subject: str
    envid: str
    ret: str
    smtputf8: bool
    eightbit: bool
    requiretls: bool
    priority: Priority
    origin: Origin
    due: datetime
    destinations: tuple[DepthView, ...]


class StatsView(msgspec.Struct, frozen=True):
    """How deep the queue is. ``deliveries`` counts recipients."""

    deliveries: int
    held: int
    quarantined: int
    in_flight: int
    oldest: datetime | None
    destinations: int
    deepest: tuple[DepthView, ...]


class Outcome(msgspec.Struct, frozen=True):
    """What was done, to how many."""

    action: Action
    messages: int
    recipients: int


def choose(
    *,
    destination: str = "",
    sender: str | None = None,
    recipient: str = "",
    all_: bool = False,
    within: int | None = None,
) -> Filter:
    """Letters by what they have in common; raises Invalid when nothing is named.

    ``sender`` "" or "<>" is the null reverse-path. ``within``: submitted by people of the
    domains of this administrator.
    """
    if not (destination or recipient or sender is not None or all_):
        raise Invalid("name queue ids, or choose messages; see --help")
    if sender is not None:
        sender = "" if sender in {"", "<>"} else str(names.address(sender))
    return Filter(
        destination=names.domain(destination).ascii if destination else "",
        sender=sender,
        recipient=str(names.address(recipient)) if recipient else "",
        within=within,
    )


async def every(
    office: Office, chosen: Filter = listing.EVERYTHING, *, limit: int | None = None
) -> AsyncIterator[QueuedView]:
    """The letters of the queue, oldest first, read in pages."""
    async for one in _listing(office, chosen).every(limit):
        yield one


async def page(
    office: Office, chosen: Filter = listing.EVERYTHING, *, after: str = "", size: int = 100
) -> Slice[QueuedView]:
    """One page of the letters, the oldest first."""
    return await _listing(office, chosen).page(after, size)


def _listing(office: Office, chosen: Filter) -> paging.Listing[Waiting, tuple[int], QueuedView]:
    return paging.Listing(
        office.directory,
        lambda tx, key, most: listing.page(tx, chosen, after=key[0], limit=most),
        lambda one: (one.id,),
        (0,),
        lambda tx: listing.count(tx, chosen),
        _view,
    )


async def show(office: Office, ident: str) -> QueuedDetails:
    """One letter; raises NotFound."""
    number, now = queue_id(ident), office.now()
    found = await office.db.read(lambda tx: _details(tx, number, now))
    if found is None:
        raise NotFound(f"{ident} is not in the queue; its story: postroom trace {ident}")
    return found


async def stats(office: Office, *, within: int | None = None) -> StatsView:
    """How deep the queue is, and where it is deepest.

    ``within``: of what people of the domains of this administrator have sent, without the depths.
    """

    def read(tx: Tx) -> tuple[Stats, list[Depth]]:
        if within is not None:
            return listing.stats_within(tx, within), []
        return listing.stats(tx), listing.depths(tx, TOP)

    found, depths = await office.db.read(read)
    now = office.now()
    return StatsView(
        deliveries=found.deliveries,
        held=found.held,
        quarantined=found.quarantined,
        in_flight=found.claimed,
        oldest=names.moment(found.oldest) if found.oldest else None,
        destinations=found.destinations,
        deepest=tuple(_depth(one, now) for one in depths),
    )


@recorded("queue.hold", "chosen")
async def hold(office: Office, chosen: Sequence[str] | Filter) -> Outcome:
    """Stop trying to deliver until ``release``."""
    return await _change(office, "held", chosen, changes.hold, _Noted("held"))


@recorded("queue.release", "chosen")
async def release(office: Office, chosen: Sequence[str] | Filter) -> Outcome:
    """Go on with what was held."""
    outcome = await _change(office, "released", chosen, changes.release, _Noted("released"))
    office.notify.hint([NOTIFY_KEY])
    return outcome


@recorded("queue.retry", "chosen")
async def retry(office: Office, chosen: Sequence[str] | Filter) -> Outcome:
    """Try at once what waits for its next attempt, paused destinations too."""

    def take(tx: Tx, ids: Sequence[int]) -> list[Changed]:
        return changes.retry(tx, ids, office.now())

    noted = _Noted("noted", f"tried at once, {_BY_US}")
    outcome = await _change(office, "retried", chosen, take, noted)
    office.notify.hint([NOTIFY_KEY])
    return outcome


@recorded("queue.reroute", "chosen", "route")
async def reroute(office: Office, chosen: Sequence[str] | Filter, route: str | None) -> Outcome:
    """Send letters another way, at once; what is being tried at this moment is left alone.

    ``route`` as ``relay_route`` makes it, "mx" for straight, None for as configured.
    """

    def take(tx: Tx, ids: Sequence[int]) -> list[Changed]:
        return changes.reroute(tx, ids, route, office.now())

    noted = _Noted("noted", f"goes {way_in_words(route)} from now on, {_BY_US}")
    outcome = await _change(office, "rerouted", chosen, take, noted)
    office.notify.hint([NOTIFY_KEY])
    return outcome


async def relay_route(office: Office, name: str) -> str:
    """The route through this relay; raises NotFound when there is none."""
    return RELAY + (await relays.show(office, name)).name


def way_in_words(route: str | None) -> str:
    """A route for people: ``through the relay office``."""
    if not route:
        return "as configured"
    if route == DIRECT:
        return "straight to the domain's own servers"
    return f"through the relay {route.removeprefix(RELAY)}"


@recorded("queue.remove", "chosen")
async def remove(office: Office, chosen: Sequence[str] | Filter) -> Outcome:
    """Delete letters from the queue; nobody is told."""

    def take(tx: Tx, ids: Sequence[int]) -> list[Changed]:
        return changes.remove(tx, office.blobs, ids, office.now())

    return await _change(office, "removed", chosen, take, _Noted("removed"))


@recorded("queue.withdraw", "ident")
async def withdraw(office: Office, account_id: int, ident: str) -> Outcome:
    """Take back what an account has sent and what waits of it. Raises Invalid, NotFound."""
    number = queue_id(ident)
    found = await office.db.read(lambda tx: listing.show(tx, number))
    if found is None or found.account_id != account_id:
        raise NotFound("that message does not wait any more: it is delivered, or was returned")

    def take(tx: Tx, ids: Sequence[int]) -> list[Changed]:
        return changes.remove(tx, office.blobs, ids, office.now())

    return await _change(office, "removed", [ident], take, _Noted("removed", "by who sent it"))


def queue_id(text: str) -> int:
    """Read a queue id; raises Invalid."""
    return names.ident(
        text,
        Invalid(f"{text} is no queue id: it has 13 letters and digits; see: postroom queue list"),
    )


class _Noted(NamedTuple):
    """What the ledger says of a change."""

    kind: Kind
    detail: str = _BY_US


async def _change(
    office: Office,
    action: Action,
    chosen: Sequence[str] | Filter,
    change: Callable[[Tx, Sequence[int]], list[Changed]],
    noted: _Noted,
) -> Outcome:
    messages = recipients = 0
    pages = _pages(office, chosen) if isinstance(chosen, Filter) else _named(office, chosen)
    async for page in pages:
        for chunk in _chunks(page):
            changed = await office.db.write(
                lambda tx, chunk=chunk: _write_down(office, tx, noted, change(tx, chunk)),  # type: ignore[misc]
                bulk=True,
            )
            messages += len({one.queued_id for one in changed})
            recipients += len(changed)
    return Outcome(action, messages, recipients)


def _write_down(office: Office, tx: Tx, noted: _Noted, changed: list[Changed]) -> list[Changed]:
    now = office.now()
    ledger.note(
        tx,
        [
            Fact(
                one.queued_id, office.ids.next(), now, noted.kind, folded(one.recipient),
                detail=noted.detail,
            )
            for one in changed
        ],
    )  # fmt: skip
    return changed


async def _pages(office: Office, chosen: Filter) -> AsyncIterator[list[Waiting]]:
    after = 0
    while True:
        page = await office.db.read(
            lambda tx, after=after: listing.page(tx, chosen, after=after, limit=PAGE)  # type: ignore[misc]
        )
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].id


async def _named(office: Office, ids: Iterable[str]) -> AsyncIterator[list[Waiting]]:
    """The letters with these ids; raises NotFound before the first is given."""
    found = []
    for ident in dict.fromkeys(ids):
        number = queue_id(ident)
        one = await office.db.read(lambda tx, number=number: listing.show(tx, number))  # type: ignore[misc]
        if one is None:
            raise NotFound(f"{ident} is not in the queue; nothing was changed")
        found.append(one)
    yield found


def _chunks(page: Sequence[Waiting]) -> list[list[int]]:
    chunks: list[list[int]] = []
    room = 0
    for one in page:
        if not chunks or room < len(one.deliveries):
            chunks.append([])
            room = CHUNK
        chunks[-1].append(one.id)
        room -= len(one.deliveries)
    return chunks


def _details(tx: Tx, ident: int, now: int) -> QueuedDetails | None:
    one = listing.show(tx, ident)
    if one is None:
        return None
    account = accounts.by_id(tx, one.account_id) if one.account_id is not None else None
    entry = ledger.entry(tx, ident)
    theirs = {delivery.destination for delivery in one.deliveries}
    depths = listing.depths_of(tx, sorted(theirs)[:MOST_DEPTHS])
    view = _view(one)
    return QueuedDetails(
        id=view.id,
        accepted=view.accepted,
        sender=view.sender,
        size=view.size,
        held=view.held,
        recipients=view.recipients,
        account=str(account.address) if account else "",
        message_id=entry.message_id if entry else "",
        subject=entry.subject if entry else "",
        envid=one.envid,
        ret=one.ret,
        smtputf8=one.smtputf8,
        eightbit=one.eightbit,
        requiretls=one.requiretls,
        priority=_PRIORITY.get(one.priority, "normal"),
        origin=_ORIGIN.get(one.origin, "stranger"),
        due=names.moment(one.due),
        destinations=tuple(_depth(one, now) for one in depths),
    )


def _view(one: Waiting) -> QueuedView:
    return QueuedView(
        id=to_text(one.id),
        accepted=names.moment(one.accepted),
        sender=one.sender,
        size=one.size,
        held=one.held,
        recipients=tuple(delivery_view(delivery) for delivery in one.deliveries),
    )


def delivery_view(one: Delivery) -> DeliveryView:
    """A recipient that waits, for people."""
    return DeliveryView(
        recipient=one.recipient,
        destination=one.destination,
        status=one.status,
        attempts=one.attempts,
        next_attempt=names.moment(one.next_attempt),
        last_reply=one.last_reply,
        route=one.route,
        failure=(of_reply(one.last_reply) or "") if one.last_reply else "",
    )


def _depth(one: Depth, now: int) -> DepthView:
    return DepthView(
        destination=one.destination,
        deliveries=one.waiting,
        in_flight=one.in_flight,
        failures=one.failures,
        paused_until=names.moment(one.paused_until) if one.paused_until > now else None,
        last_reply=one.last_reply or "",
    )
