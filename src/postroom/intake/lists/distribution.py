"""A post on its way to everybody: some members at a time, each step one transaction.

A step is the end of a delivery to the list: what it makes is committed when that delivery leaves
the queue. Each member gets a letter of the queue with a sender and a List-Unsubscribe of their own;
all of them share one blob, which the first step makes. When there are more members, one more letter is for the list itself
and says with whom the next step begins. So however long the list is, nobody is left out or gets it
twice, and memory holds one step.
"""

from typing import Final, NamedTuple

from postroom.address import Address
from postroom.blobs.prepared import Prepared
from postroom.directory import list_keys, list_members
from postroom.directory.list_members import Member
from postroom.directory.lists import MailingList
from postroom.intake.arrival import Arrival
from postroom.intake.lists import authorship, posting
from postroom.intake.services import Services
from postroom.ledger.rows import Fact, folded
from postroom.mailauth.dkim_verify import Verifier
from postroom.message import list_fields, trace
from postroom.message.index import Indexed, brief
from postroom.post import notice
from postroom.post.letter import Letter
from postroom.queue.rows import BULK, NORMAL, OURS, Outgoing, Queued

STEP: Final = 200  # members in one transaction
MANY: Final = 50  # post to a longer list lets other letters go first
LEAVE_PATH: Final = "/lists/leave/"


class Distribution:
    """One step: the members ``after`` one; 0 for the first step of a post.

    The first step decides whom From names; ``signatures`` have read its body.
    """

    def __init__(
        self,
        services: Services,
        of: MailingList,
        arrival: Arrival,
        letter: Queued,
        after: int,
        signatures: Verifier | None = None,
    ) -> None:
        self._services = services
        self._of = of
        self._arrival = arrival
        self._original = letter
        self._after = after
        self._signatures = signatures
        self._key = services.directory.secrets.srs

    async def step(self) -> Letter:
        """The letter to commit. Raises MailError, and leaves nothing then."""
        services, of, after = self._services, self._of, self._after
        found = await services.directory.look(
            lambda tx: list_members.receivers(tx, of.id, after, STEP + 1)
        )
        head, note = (self._arrival.head, "") if after else await self._head()
        spared = self._spared()
        going = [one for one in found[:STEP] if list_members.key_of(one.address) not in spared]
        content = await self._content(head)
        is_many = bool(after) or len(found) > MANY
        also = [self._to(one, content, is_many=is_many) for one in going]
        if len(found) > STEP:
            also.append(self._rest(found[STEP - 1], content))
        if not also:
            await services.post.discard(content.blob)
        told = f"the mailing list sends it to {len(going):,} addresses{note}"
        return nothing(services, self._original, content.indexed, self._of, told, tuple(also))

    async def _content(self, head: bytes) -> "_Content":
        indexed, is_plain = brief(head), head.isascii()
        if self._after:
            empty, size = self._services.blobs.small(b"", b""), self._arrival.stored_size
            return _Content(empty, self._original.blob_id, size, indexed, is_plain)
        blob = await self._arrival.prepared(head)
        return _Content(blob, 0, blob.head_size + blob.body_size, indexed, is_plain)

    async def _head(self) -> tuple[bytes, str]:
        """The header block that everybody gets, and what there is to say of it."""
        of, head = self._of, self._arrival.head
        note, rest = await self._rewriting(), list_fields.stripped(head)
        if note:
            rest = list_fields.by_list(rest, of.written, of.settings.name)
        return added(of) + rest, note

    async def _rewriting(self) -> str:
        """Why the post names the list as its author; "" where it does not."""
        wanted, head = self._of.settings.rewrite_from, self._arrival.head
        if wanted == "never" or not posting.authors(head):
            return ""
        if wanted == "always":
            return ", and stands in From, as it always does"
        if self._signatures is None:
            return ""
        domain = await authorship.needs_list(self._services, head, self._signatures)
        return f", and stands in From, as DMARC of {domain} could not pass" if domain else ""

    def _spared(self) -> set[str]:
        """The authors of a list that sends nobody their own post."""
        if self._of.settings.own_copy:
            return set()
        head = self._arrival.head
        found = posting.authors(list_fields.before_list(head) if self._after else head)
        return {list_members.key_of(one) for one in found}

    def _to(self, one: Member, content: "_Content", *, is_many: bool) -> Letter:
        """What one member gets, or the archive, which can't leave."""
        prefix = b""
        if one.role == "member":
            leave = list_keys.signed("leave", one.id, self._key)
            url = f"https://{self._services.hostname}{LEAVE_PATH}{leave.partition('-')[2]}"
            prefix = list_fields.personal(self._of.sub(leave), url)
        sender = self._of.sub(list_keys.signed("bounce", one.id, self._key))
        priority = BULK if is_many else NORMAL
        return self._letter(
            self._services.ids.next(), sender, one.address, content, prefix, priority
        )

    def _rest(self, last: Member, content: "_Content") -> Letter:
        """The next step, as a letter to the list."""
        ident = self._services.ids.next()
        to = self._of.sub(list_keys.signed("next", last.id, self._key, scope=ident))
        sender = self._original.sender.decode("utf-8", "replace")
        return self._letter(ident, sender, Address.parse(to), content, b"", BULK)

    def _letter(
        self,
        ident: int,
        sender: str,
        to: Address,
        content: "_Content",
        prefix: bytes,
        priority: int,
    ) -> Letter:
        now, size = self._services.clock(), len(prefix) + content.size
        queued = Queued(
            id=ident,
            blob_id=content.named or content.blob.id,
            sender=sender.encode(),
            size=size,
            accepted=now,
            prefix=prefix,
            smtputf8=not (content.has_plain_head and str(to).isascii() and sender.isascii()),
            eightbit=not (content.has_plain_head and self._arrival.is_ascii),
            requiretls=self._original.requiretls,
            origin=OURS,
            priority=priority,
        )
        return Letter(
            blob=content.blob,
            named=content.named,
            queued=queued,
            outgoing=(Outgoing(ident, 0, str(to).encode(), to.domain.ascii),),
            entry=notice.entry(ident, now, sender, content.indexed, size),
        )


def added(of: MailingList) -> bytes:
    """What the list puts on top of each post, for everybody."""
    settings = of.settings
    said = list_fields.common(
        list_fields.Post(
            address=str(of.address),
            title=settings.name,
            owner=of.sub("owner"),
            help=of.sub("help"),
            post="" if settings.posting == "owners" else str(of.address),
            subscribe=of.sub("subscribe") if settings.subscribing == "open" else "",
        )
    )
    return trace.delivered_to(str(of.address)) + said  # a loop is seen by it (RFC 9228)


class _Content(NamedTuple):
    """What all of a step share; ``named``: the blob that is there since the first one.

    ``size`` in octets; ``has_plain_head``: of ASCII.
    """

    blob: Prepared
    named: int
    size: int
    indexed: Indexed
    has_plain_head: bool


def nothing(
    services: Services,
    original: Queued,
    indexed: Indexed,
    of: MailingList,
    told: str,
    also: tuple[Letter, ...] = (),
) -> Letter:
    """A letter that only tells the ledger what became of another, and what comes of it."""
    ident, now = services.ids.next(), services.clock()
    sender = original.sender.decode("utf-8", "replace")
    return Letter(
        blob=services.blobs.small(b"", b""),
        entry=notice.entry(ident, now, sender, indexed, original.size),
        facts=(Fact(0, 0, now, "noted", folded(str(of.address)), detail=told),),
        also=also,
    )
