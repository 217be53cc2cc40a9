"""SpamAssassin: a message goes to spamd, which answers with its points and the rules that hit.

``SYMBOLS`` of the protocol SPAMC/1.5. SpamAssassin reads from the topmost Received field who
brought a message and from Return-Path who sent it; both are put before what goes there. It
never refuses: what it calls spam is junk.
"""

import re
from typing import Final

from postroom.config.filters import Place
from postroom.message import dates, trace
from postroom.policy.facts import Facts
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed, connected

MAX_ANSWER: Final = 65_536
MAX_RULES: Final = 12  # named in a reason

_GOOD: Final = re.compile(rb"SPAMD/[0-9.]{1,5} 0 ")
_NUMBER: Final = rb"(-?[0-9]{1,9}(?:\.[0-9]{1,9})?)"
_SPAM: Final = re.compile(
    rb"Spam: *(True|False|Yes|No) *; *" + _NUMBER + rb" */ *" + _NUMBER + rb" *", re.IGNORECASE
)
_RULE: Final = re.compile(rb"[A-Za-z0-9_]+")


async def ask(place: Place, facts: Facts, hostname: str) -> Finding:
    """Junk, or its points. Raises Failed."""
    top = added(facts, hostname)
    async with connected(place) as wire:
        await wire.send(
            b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % (len(top) + facts.size)
        )
        await wire.send(top)
        async for piece in facts.octets():
            await wire.send(piece)
        wire.end()
        return read(await wire.answer(MAX_ANSWER))


def added(facts: Facts, hostname: str) -> bytes:
    """The fields that tell who brought it."""
    received = trace.received(
        trace.Client(helo=facts.helo, ip=facts.address, host=facts.authentication.name),
        by=hostname,
        protocol=trace.protocol_name(tls=bool(facts.tls), authenticated=False),
        ident=facts.session,
        date=dates.write(facts.now),
    )
    return trace.return_path(facts.sender) + received


def read(answer: bytes) -> Finding:
    """What the answer says. Raises Failed for what is none."""
    head, whole, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    found = next(filter(None, map(_SPAM.fullmatch, lines)), None)
    if not whole or found is None or not _GOOD.match(head):
        raise Failed(f"it answered {lines[0][:100]!r}")
    score, threshold = float(found[2]), float(found[3])
    rules = [rule.decode() for rule in _RULE.findall(body)[:MAX_RULES]]
    is_spam = found[1].lower() in (b"true", b"yes")
    return Finding(
        action="junk" if is_spam else "pass",
        reason=f"{score:g} points, spam from {threshold:g}: {', '.join(rules) or 'no rule'}",
        score=score,
        kind="spam" if is_spam else "",
    )
