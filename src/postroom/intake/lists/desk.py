"""What has come through the queue for a mailing list: posts, what came back, what is asked of it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import msgspec

from postroom.directory import list_keys, list_members, lists
from postroom.directory.list_keys import Wish
from postroom.directory.lists import MailingList
from postroom.errors import Permanent, Temporary
from postroom.intake.arrival import Arrival
from postroom.intake.handed import Message
from postroom.intake.lists import authorship, letters, posting
from postroom.intake.lists.distribution import Distribution, added, nothing
from postroom.intake.relay import UNKNOWN
from postroom.intake.services import Services
from postroom.mailauth.dkim_verify import Verifier
from postroom.message import returned
from postroom.message.index import brief
from postroom.post import notice
from postroom.post.letter import Letter
from postroom.post.notice import Budget
from postroom.protocol.smtp.replies import Reply, reply
from postroom.queue.claimed import Recipient
from postroom.queue.rows import STRANGER, Outgoing, Queued

ASKED_PER_HOUR: Final = 3
"""Letters that an address gets because it asked something of any list."""

_POSTS: Final = frozenset(("", "accepted"))  # what begins to go to the members
_DAY_MS: Final = 24 * 3600 * 1000
_TOO_OFTEN: Final = reply(
    550, "5.7.1", "You have asked the mailing lists here too often; wait an hour"
)

Taken = tuple[Letter, Callable[[], Awaitable[None]]]
"""The letter, and what is to be done once it is committed."""


class ListDesk:
    """One a process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._asked = Budget(services.clock, ASKED_PER_HOUR)
        self._key = services.directory.secrets.srs

    async def take(self, message: Message) -> Taken:
        """What comes of a message for an address of a list.

        Raises MailError: why it is not taken, or not now.
        """
        list_id, (address,) = message.found.list_id, message.found.remote
        of = await self._services.directory.look(lambda tx: lists.by_id(tx, list_id))
        if of is None:
            raise _error(UNKNOWN)
        detail = posting.detail_of(address)
        reading = _Reading(self._services, of)
        is_post = of.settings.rewrite_from == "dmarc" and detail.partition("-")[0] in _POSTS
        arrival = Arrival(
            self._services.blobs,
            max_message=0,
            mends=False,
            reader=reading if is_post else None,
        )
        try:
            await arrival.take(message.head)
            async for block in message.body():
                await arrival.take(block)
            await arrival.finish()
            if arrival.refusal is not None:
                raise _error(arrival.refusal)
            arrival.is_amended = True
            letter, recipient = message.letter, message.recipient
            one = _Case(
                self._services, self._key, of, arrival, letter, recipient, reading.signatures
            )
            return await self._taken(one, detail)
        finally:
            await arrival.abort()

    async def _taken(self, one: "_Case", detail: str) -> Taken:
        if not detail:
            return await one.post()
        if detail in {"subscribe", "unsubscribe", "help"}:
            return await self._asked_for(one, detail)
        if detail.startswith("confirm-"):
            return await one.confirm(detail)
        match list_keys.opened(detail, self._key):
            case "bounce", number:
                return await one.came_back(number)
            case "leave", number:
                return await one.leave(number)
            case _:
                pass
        match list_keys.opened(detail, self._key, scope=one.letter.id):
            case "next", number:
                return await one.distributed(number), _nothing
            case "accepted", _:
                return await one.distributed(0), _nothing
            case _:
                raise _error(UNKNOWN)

    async def _asked_for(self, one: "_Case", detail: str) -> Taken:
        sender = one.letter.sender.decode("utf-8", "replace")
        fault = posting.asking_fault(
            one.of, detail, one.arrival.head, sender, is_proven=one.letter.origin != STRANGER
        )
        if fault is None and not self._asked.allows(sender):
            fault = _TOO_OFTEN
        if fault is not None:
            raise _error(fault)
        return one.answered(detail)


class _Reading:
    """Called with the header block of a post; its signatures then read the body along."""

    def __init__(self, services: Services, of: MailingList) -> None:
        self._services = services
        self._of = of
        self.signatures: Verifier | None = None

    def __call__(self, head: bytes) -> Verifier:
        now = self._services.clock()
        self.signatures = authorship.verifier(head, added(self._of), now)
        return self.signatures


class _Case(msgspec.Struct, frozen=True):
    """One message for one list."""

    services: Services
    key: bytes
    of: MailingList
    arrival: Arrival
    letter: Queued
    recipient: Recipient
    signatures: Verifier | None

    async def post(self) -> Taken:
        """To everybody, or it waits for an owner."""
        sender = self.letter.sender.decode("utf-8", "replace")
        directory, arrival = self.services.directory, self.arrival
        size = posting.size_of(arrival)
        judged = await posting.judge(directory, self.of, arrival.head, sender, size)
        if judged.refusal is not None:
            raise _error(judged.refusal)
        if judged.held:
            return await self._held(judged.held), _nothing
        return await self.distributed(0), _nothing

    async def distributed(self, after: int) -> Letter:
        """To the members after this one."""
        return await Distribution(
            self.services, self.of, self.arrival, self.letter, after, self.signatures
        ).step()

    async def _held(self, reason: str) -> Letter:
        """A letter of the queue on hold: to release it is to accept the post."""
        services, of, head = self.services, self.of, self.arrival.head
        ident, now, indexed = services.ids.next(), services.clock(), brief(head)
        to = of.sub(list_keys.signed("accepted", of.id, self.key, scope=ident))
        author = ", ".join(map(str, posting.authors(head)))
        told = letters.held(services, of, ident, author, indexed.subject, reason)
        blob = await self.arrival.prepared(head)
        queued = msgspec.structs.replace(
            self.letter, id=ident, blob_id=blob.id, prefix=b"", accepted=now, due=now, is_held=True,
            size=blob.head_size + blob.body_size,
        )  # fmt: skip
        orcpt, notify = self.recipient.orcpt, self.recipient.notify
        going = Outgoing(ident, 0, to.encode(), of.address.domain.ascii, orcpt, notify)
        waiting = Letter(
            blob=blob,
            queued=queued,
            outgoing=(going,),
            entry=notice.entry(
                ident, now, queued.sender.decode("utf-8", "replace"), indexed, queued.size,
                queued.account_id,
            ),
        )  # fmt: skip
        note = f"it waits for an owner of the mailing list, because {reason}"
        return nothing(services, self.letter, indexed, of, note, (waiting, told))

    async def came_back(self, ident: int) -> Taken:
        """A notice to the sender of what one member got."""
        services = self.services
        found = await self._member(ident)
        if self.letter.sender or found is None:
            raise _error(UNKNOWN)
        octets = bytearray()
        async for piece in self.arrival.body():
            octets += piece
            if len(octets) >= returned.LOOKED_AT:
                break
        if found.is_suspended or not returned.has_failed(self.arrival.head, bytes(octets)):
            return self._only("what came back is no failure"), _nothing
        days = await services.store.write(list_members.bounced, found, services.clock())
        note = f"post to {found.address} came back, on {days} days by now"
        if days < list_members.MOST_BOUNCES:
            return self._only(note), _nothing
        told = letters.suspended(services, self.of, str(found.address), days)
        follow = partial(services.store.write, _suspend, found.id)
        return self._only(f"{note}: it gets no more", told), follow

    async def leave(self, ident: int) -> Taken:
        """A letter to the address that one member's List-Unsubscribe names."""
        found = await self._member(ident)
        if found is None or found.role != "member":
            return self._only("who leaves has left before"), _nothing
        addresses = [found.address]
        await self.services.store.write(list_members.remove, self.of.id, "member", addresses)
        return self._only(f"{found.address} has left the mailing list"), _nothing

    def answered(self, detail: str) -> Taken:
        """Ask who wrote whether it is meant, or help."""
        services, of = self.services, self.of
        (author,) = posting.authors(self.arrival.head)
        address = str(author)
        if detail == "help":
            told = letters.help_(services, of, address)
        else:
            wish: Wish = "subscribe" if detail == "subscribe" else "unsubscribe"
            day = services.clock() // _DAY_MS
            token = list_keys.confirmation(wish, of.id, address, self.key, day)
            told = letters.confirmation(services, of, wish, address, of.sub(token))
        return self._only(f"{address} is sent an answer", told), _nothing

    async def confirm(self, detail: str) -> Taken:
        """The answer to a confirmation."""
        services, of, head = self.services, self.of, self.arrival.head
        wish = posting.wish_of(of, head, detail, self.key, services.clock())
        if isinstance(wish, Reply):
            raise _error(wish)
        found = posting.authors(head)
        write = services.store.write
        if wish == "unsubscribe":
            await write(list_members.remove, of.id, "member", found)
            return self._only(f"{found[0]} has left the mailing list"), _nothing
        new = [(services.ids.next(), found[0])]
        await write(list_members.add, of.id, "member", new, services.clock())
        told = letters.welcome(services, of, str(found[0]))
        return self._only(f"{found[0]} has joined the mailing list", told), _nothing

    async def _member(self, ident: int) -> list_members.Member | None:
        row = await self.services.directory.look(lambda tx: list_members.by_id(tx, ident))
        return row[1] if row is not None and row[0] == self.of.id else None

    def _only(self, note: str, *also: Letter) -> Letter:
        indexed = brief(self.arrival.head)
        return nothing(self.services, self.letter, indexed, self.of, note, also)


_suspend = partial(list_members.suspend, is_suspended=True)


async def _nothing() -> None:
    """What follows most of it."""


def _error(said: Reply) -> Permanent | Temporary:
    kind = Permanent if said.is_permanent else Temporary
    return kind(" ".join(said.lines), code=said.code, status=said.status)
