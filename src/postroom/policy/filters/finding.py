"""What a filter says of a message, before the settings have their say."""

import msgspec

from postroom.policy.verdict import Action


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """``reason`` is in plain words; ``told`` is what the sender learns with "refuse" or "defer"."""

    action: Action = "pass"
    reason: str = ""
    score: float = 0.0
    told: str = ""
