"""Redirected with another header block: a letter of its own for each (RFC 5228 §4.2, RFC 5293 §6).

The queue holds one message a letter, and what a script has changed is not what everybody else
gets. So such a redirect becomes a letter, with an id of its own, that is committed together with
the one it comes of; the story of the first tells the id.
"""

import msgspec

from postroom.db.ids import to_text
from postroom.intake import forwarding, plan, submission
from postroom.intake.editing import copied
from postroom.intake.plan import Content, Envelope
from postroom.intake.relay import Accepted
from postroom.intake.services import Services
from postroom.intake.stamp import Session
from postroom.ledger.rows import Fact, clean, folded
from postroom.message.index import brief
from postroom.post.letter import Letter
from postroom.post.notice import entry


async def added(
    services: Services, session: Session, envelope: Envelope, content: Content, letter: Letter
) -> Letter:
    """The letter, with those that come of it. Raises MailError, and leaves nothing of them then."""
    entry = letter.entry
    if not envelope.resent or entry is None:
        return letter
    wanted: dict[tuple[str, bytes], list[str]] = {}
    for name, one in envelope.resent:
        wanted.setdefault((name, one.head), []).append(one.address)
    also: list[Letter] = []
    facts: list[Fact] = []
    try:
        for (name, head), addresses in wanted.items():
            whole = head
            if envelope.account_id is not None:
                whole = submission.fixed(
                    head, ident=entry.id, now=entry.at, hostname=services.hostname
                )
            stamped = plan.stamped(session, envelope, whole, entry.id, entry.at)
            going = Accepted(name, (), tuple(dict.fromkeys(addresses)), leads_on=True)
            made = await _letter(services, envelope, content, going, stamped, entry.at)
            also.append(made)
            ident = "" if made.entry is None else to_text(made.entry.id)
            told = f"redirected to {', '.join(going.remote)} with other header fields, id {ident}"
            facts.append(Fact(0, 0, entry.at, "noted", folded(name), detail=clean(told, 1_000)))
    except BaseException:
        await services.post.discard(*[one.blob for one in also])
        raise
    return msgspec.structs.replace(letter, also=tuple(also), facts=(*letter.facts, *facts))


async def _letter(
    services: Services,
    envelope: Envelope,
    content: Content,
    going: Accepted,
    head: bytes,
    now: int,
) -> Letter:
    alone = msgspec.structs.replace(envelope, accepted=[going], redirected=(), resent=())
    onward = await forwarding.onward(services.directory, alone, head, now)
    ident = services.ids.next()
    blob = await copied(services, content.blob, head)
    indexed = brief(head)
    own = Content(blob, indexed, content.is_ascii and head.isascii())
    remote = going.remote
    return Letter(
        blob=blob,
        queued=plan.queued(alone, own, ident, now, onward),
        outgoing=tuple([plan.outgoing(ident, n, one, going) for n, one in enumerate(remote)]),
        entry=entry(ident, now, envelope.sender, indexed, own.size, envelope.account_id),
    )
