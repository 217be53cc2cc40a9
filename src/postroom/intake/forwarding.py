"""Letters that come for an address here and go elsewhere, and the bounces that come back.

A stranger's letter that an alias or an account forwards leaves with a rewritten sender
(``mailauth.srs``), so that the next server finds it comes from where its sender says.
Nothing else of the message is touched: its signatures stay whole. A Delivered-To field in
front of it names the address that forwards, so that it is known when it comes back.

A bounce to a rewritten sender goes to the original one. Only what carries our own, recent
signature is sent there, and only notices (MAIL FROM:<>); so this is no relay, and nobody
can use it to hide behind us. A name that somebody has here wins.

RFC 5321 §3.9 (aliases and lists), §6.1 and §6.3 (null senders, loops), RFC 9228.
"""

from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.directory.directory import Directory
from postroom.intake.plan import Envelope, Onward
from postroom.intake.relay import DENIED, UNKNOWN
from postroom.mailauth import srs
from postroom.message import trace
from postroom.message.submission import has_bulk_marks
from postroom.protocol.smtp.replies import Reply, reply
from postroom.queue.rows import BULK, FIRST, NORMAL, OURS, STRANGER, VERIFIED

DAY_MS: Final = 24 * 3600 * 1000
MANY: Final = 50  # addresses elsewhere; a letter to more of them lets others go first

EXPIRED: Final = reply(550, "5.1.8", "That return address is too old to be used")
ONLY_NOTICES: Final = reply(
    550, "5.7.1", "Only notices about delivery, MAIL FROM:<>, go to that return address"
)


class Returned(msgspec.Struct, frozen=True):
    """Where a bounce goes, or why it does not (``reason`` is for the log and for VERB)."""

    address: Address | None = None
    refusal: Reply = UNKNOWN
    reason: str = ""


async def returned(
    directory: Directory, recipient: Address, now: int, *, is_notice: bool
) -> Returned | None:
    """What a recipient stands for that looks like a rewritten sender; None when it is none.

    ``is_notice``: the transaction has a null sender.
    """
    if recipient.local[:3].upper() != "SRS" or not await directory.is_own(recipient.domain):
        return None
    answer = _decoded(recipient.local, directory.secrets.srs, now)
    if answer is None or await directory.is_name(recipient):
        return None
    if answer.address is not None and not is_notice:
        return Returned(
            refusal=ONLY_NOTICES, reason="a rewritten sender takes only messages without one"
        )
    return answer


async def onward(
    directory: Directory, envelope: Envelope, head: bytes, now: int, *, is_proven: bool = False
) -> Onward:
    """How the letter goes to the addresses elsewhere, or waits for room.

    ``is_proven``: it comes from the domain of its sender, who may be told what becomes of it when
    nobody elsewhere is asked.
    """
    elsewhere = {one.address for one in envelope.accepted if one.remote and not one.list_id}
    is_held = envelope.due(now) > now  # then where it leads is looked up later
    forwarders = list(dict.fromkeys([one.address for one in envelope.accepted if one.leads_on]))
    sender, prefix = envelope.sender, b""
    if forwarders and not envelope.is_ours:
        sender = await _rewritten(directory, sender, forwarders[0], now)
    is_alone = len(forwarders) == len(elsewhere) == 1  # else one tells of another
    if is_alone and not is_held and not envelope.put_off():
        prefix = trace.delivered_to(forwarders[0])
    return Onward(
        sender=sender,
        prefix=prefix,
        origin=_origin(envelope, is_proven=is_proven and not elsewhere),
        priority=_priority(envelope, head),
    )


def _decoded(local: str, key: bytes, now: int) -> Returned | None:
    try:
        original = srs.decode(local, key, now // DAY_MS)
    except srs.Expired as error:
        return Returned(refusal=EXPIRED, reason=f"a rewritten sender that expired: {error}")
    except srs.NotOurs as error:
        return Returned(reason=f"a rewritten sender that is not ours: {error}")
    if original is None:
        return None
    try:
        address = Address.parse(original)
        if not address.domain.is_literal:
            return Returned(address)
        return Returned(refusal=DENIED, reason="a rewritten sender with an address literal")
    except AddressError as error:  # its domain or local part was never one that takes mail
        return Returned(reason=f"a rewritten sender without an address: {error}")


async def _rewritten(directory: Directory, sender: str, forwarder: str, now: int) -> str:
    """The sender as the next server may see it; as it is where that can't be helped."""
    if not sender:
        return sender
    home = Address.parse(sender).domain
    if home.is_literal or await directory.is_own(home):  # no bounce goes to a literal
        return sender
    domain = forwarder.rpartition("@")[2]
    try:
        return srs.encode(sender, domain, directory.secrets.srs, now // DAY_MS)
    except srs.NotRewritable:
        return sender


def _origin(envelope: Envelope, *, is_proven: bool) -> int:
    if envelope.is_ours:
        return OURS
    return VERIFIED if is_proven else STRANGER


def _priority(envelope: Envelope, head: bytes) -> int:
    if not envelope.sender:
        return FIRST
    count = sum([len(one.remote) or 1 for one in envelope.accepted])
    return BULK if count > MANY or has_bulk_marks(head) else NORMAL
