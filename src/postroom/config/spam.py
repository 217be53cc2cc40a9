"""The settings of the spam filter."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Spam(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The spam filter, for mail from strangers at listeners with checks = "full".

    It judges by what it has learned here, by the reputation of authenticated senders, and by a
    few rules. Until it has learned 40 messages of each kind (people move them to Junk and back, or
    postroom spam train) it goes by the rules alone, which rarely reach the threshold.
    """

    enabled: Annotated[
        bool,
        Meta(description="Judge and learn. An account can be left out: postroom spam level."),
    ] = True
    junk_at: Annotated[
        float,
        Meta(
            ge=1,
            le=100,
            description="Points from which a message is filed in Junk. Lower catches more spam "
            "and misfiles more of the other mail.",
        ),
    ] = 5.0
    learn_together: Annotated[
        bool,
        Meta(
            description="What one account teaches counts for all, if less than for itself. Where "
            "accounts do not trust each other, switch it off."
        ),
    ] = True
