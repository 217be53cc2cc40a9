"""The settings about where messages for people here are filed."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Filing(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where messages go that no rule and no script says anything about."""

    subaddress: Annotated[
        bool,
        Meta(
            description="Mail to bob+work goes to bob's mailbox Work, if there is one (its name in "
            "any case, a dot for each level) and it is none of Drafts, Sent, Junk, Trash and "
            "Archive; else to the INBOX."
        ),
    ] = True
