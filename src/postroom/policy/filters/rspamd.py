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
    score: float = 0.0


class _Answer(msgspec.Struct):
    action: str
    score: float = 0.0
    required_score: float = 0.0
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
    if action is None or not math.isfinite(found.score):
        raise Failed(f"it wants {found.action[:50]!r} with {found.score:g} points")
    hits = sorted(found.symbols.items(), key=lambda hit: -abs(hit[1].score))[:MAX_SYMBOLS]
    named = ", ".join([f"{name} {symbol.score:+g}" for name, symbol in hits if symbol.score])
    told = found.messages.get("smtp_message", "")
    return Finding(
        action=action,
        reason=f"{found.action}, {found.score:g} points: {named or 'nothing'}",
        score=found.score,
        told=told[:MAX_TOLD] if isinstance(told, str) else "",
    )
