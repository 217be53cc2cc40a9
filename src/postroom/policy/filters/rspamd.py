"""rspamd: a message goes to its worker, which answers with an action in JSON.

``POST /checkv2``, the envelope in header fields. "soft reject" (greylisting, limits) is 451;
"greylist" alone is advice to whoever greylists, and nothing is done for it.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from postroom.config.filters import Place
from postroom.policy.facts import Facts
from postroom.policy.filters import web
from postroom.policy.filters.finding import Finding
from postroom.policy.filters.wire import Failed
from postroom.policy.verdict import Action

MAX_SYMBOLS: Final = 6  # named in a reason
MAX_TOLD: Final = 200  # characters of what the sender is told
MAX_RECIPIENTS: Final = 100  # named to it

_ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "no action": "pass",
        "accept": "pass",
        "greylist": "pass",
        "add header": "junk",
        "rewrite subject": "junk",
        "quarantine": "junk",
        "soft reject": "defer",
        "reject": "refuse",
        "discard": "refuse",  # nothing vanishes here: the sender learns of it
    }
)


class _Symbol(msgspec.Struct):
    score: float | None = None  # null is how rspamd writes "not a number"


class _Answer(msgspec.Struct):
    action: str
    score: float | None = None
    symbols: dict[str, _Symbol] = {}
    messages: dict[str, object] = {}


async def ask(place: Place, facts: Facts, hostname: str) -> Finding:
    """What its action means here. Raises Failed."""
    fields = [
        ("IP", facts.address),
        ("Helo", facts.helo),
        ("From", facts.sender),
        *[("Rcpt", recipient) for recipient in facts.recipients[:MAX_RECIPIENTS]],
        ("MTA-Name", hostname),
        ("Queue-Id", facts.session),
    ]
    if facts.authentication.name:
        fields.append(("Hostname", facts.authentication.name))
    return read(await web.post(place, "/checkv2", fields, facts.size, facts.octets()))


def read(answer: bytes) -> Finding:
    """What the answer says. Raises Failed for what is none."""
    try:
        found = msgspec.json.decode(answer, type=_Answer)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Failed(f"it answered {answer[:100]!r}: {error}") from error
    action = _ACTIONS.get(found.action)
    score = found.score or 0.0
    if action is None or not math.isfinite(score):
        raise Failed(f"it wants {found.action[:50]!r} with {score:g} points")
    hits = [(name, symbol.score) for name, symbol in found.symbols.items() if symbol.score]
    hits.sort(key=lambda hit: -abs(hit[1]))
    named = ", ".join([f"{name} {points:+g}" for name, points in hits[:MAX_SYMBOLS]])
    told = found.messages.get("smtp_message", "")
    return Finding(
        action=action,
        reason=f"{found.action}, {score:g} points: {named or 'nothing'}",
        score=score,
        kind="spam" if action in ("junk", "refuse") else "",
        told=told[:MAX_TOLD] if isinstance(told, str) else "",
    )
