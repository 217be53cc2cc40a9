"""What a stage says of a message, and what many say together.

The gravest verdict counts: "defer" (nothing is known, try again) before "refuse", before
"junk", before "pass"; reasons and fields of all of them are kept, so that a person can be told
why. A stage that knows people apart says so for each of them in ``personal``.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, Protocol

import msgspec

from postroom.policy.facts import Facts
from postroom.protocol.smtp.replies import Reply

Action = Literal["pass", "junk", "refuse", "defer"]
Kind = Literal["", "malware", "spam"]

_GRAVITY: Final[Mapping[Action, int]] = {"pass": 0, "junk": 1, "refuse": 2, "defer": 3}
_NOBODY: Final[Mapping[int, "Verdict"]] = MappingProxyType({})


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """One stage's opinion. ``reason`` is in plain words, for the ledger, VERB and people.

    ``score`` counts towards spam (above 0) or ham (below). ``virus`` is 1 (none) to 5 (surely one),
    as in RFC 5235 §2.4; None of a stage that looks for none. ``reply`` is there with "refuse" and
    "defer". ``fields`` are whole header fields, CRLF and all, that go on top of the message.
    ``kind`` says what it takes the message for.
    """

    stage: str
    action: Action = "pass"
    reason: str = ""
    score: float = 0.0
    virus: int | None = None
    reply: Reply | None = None
    kind: Kind = ""
    fields: tuple[bytes, ...] = ()
    personal: Mapping[int, "Verdict"] = _NOBODY

    def of(self, account_id: int) -> "Verdict":
        """What it says for this account."""
        return self.personal.get(account_id, self)


class Stage(Protocol):
    """Judges messages; made once, used by all sessions at the same time."""

    async def judge(self, facts: Facts) -> Verdict:
        """An opinion on this message. Never raises for what is in the message."""


def gravest(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The first of those whose action is the gravest; None when there are none."""
    return max(verdicts, key=lambda one: _GRAVITY[one.action], default=None)
