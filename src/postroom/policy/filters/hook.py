"""A program of your own behind HTTP: it is sent a message as JSON and answers with an action.

The request is ``{"session", "address", "name", "helo", "tls", "sender", "recipients", "size",
"spf", "dkim", "dmarc", "message"}``; ``message`` is base64. The answer is
``{"action": "pass" | "junk" | "refuse" | "defer", "reason": "..", "score": 0.0}``; the last two
may be left out.
"""

import base64
import math
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from postroom.config.filters import Place
from postroom.policy.facts import Facts
from postroom.policy.filters import web
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed
from postroom.policy.verdict import Action

MAX_TOLD: Final = 200  # characters of what the sender is told

_AT_ONCE: Final = 48 * 1024  # octets that are encoded in one go


class _Answer(msgspec.Struct):
    action: Action
    reason: str = ""
    score: float = 0.0


async def ask(place: Place, facts: Facts, _hostname: str) -> Finding:
    """What it answers. Raises Failed."""
    head = opening(facts)
    size = len(head) + 4 * -(-facts.size // 3) + 2
    fields = [("Content-Type", "application/json"), ("Accept", "application/json")]
    return read(await web.post(place, place.target, fields, size, _body(head, facts)))


def opening(facts: Facts) -> bytes:
    """The request up to where the base64 begins."""
    known = facts.authentication
    told = {
        "session": facts.session,
        "address": facts.address,
        "name": known.name,
        "helo": facts.helo,
        "tls": facts.tls,
        "sender": facts.sender,
        "recipients": facts.recipients,
        "size": facts.size,
        "spf": known.spf,
        "dkim": known.dkim,
        "dmarc": known.dmarc,
        "message": "",
    }
    return msgspec.json.encode(told).removesuffix(b'"}')


async def _body(head: bytes, facts: Facts) -> AsyncIterator[bytes]:
    """The request in pieces; base64 works on three octets at a time."""
    yield head
    left = b""
    async for piece in facts.octets():
        octets = left + piece
        whole = len(octets) - len(octets) % 3
        left = octets[whole:]
        for at in range(0, whole, _AT_ONCE):
            yield base64.b64encode(octets[at : min(at + _AT_ONCE, whole)])
    yield base64.b64encode(left) + b'"}'


def read(answer: bytes) -> Finding:
    """What the answer says. Raises Failed for what is none."""
    try:
        found = msgspec.json.decode(answer, type=_Answer)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Failed(f"it answered {answer[:100]!r}: {error}") from error
    if not math.isfinite(found.score):
        raise Failed(f"it answered {answer[:100]!r}")
    return Finding(
        action=found.action,
        reason=found.reason,
        score=found.score,
        told=found.reason[:MAX_TOLD],
    )
