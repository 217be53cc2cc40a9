"""What a filter says of a message, before the settings have their say."""

from typing import Final

import msgspec

from postroom.policy.verdict import Action, Kind

MAX_REASON: Final = 300  # characters


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """``reason`` is in plain words; ``told`` is what the sender learns with "refuse" or "defer"."""

    action: Action = "pass"
    reason: str = ""
    score: float = 0.0
    told: str = ""
    kind: Kind = ""


def one_line(text: str) -> str:
    """What can be shown: filters repeat what strangers write."""
    return "".join([one if one.isprintable() else "?" for one in text[:MAX_REASON]])
