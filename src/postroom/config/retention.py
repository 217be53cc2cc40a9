"""The settings about how long messages stay in mailboxes."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Days = Annotated[int, Meta(ge=0, le=36_500)]


class Retention(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When messages leave Junk and Trash. Those with a flag stay."""

    junk_days: Annotated[
        Days,
        Meta(
            description="Days after which a message that came into the Junk mailbox is deleted "
            "from there. 0: never."
        ),
    ] = 30
    trash_days: Annotated[
        Days,
        Meta(
            description="The same for the Trash mailbox, counted from when the message was moved "
            "there. 0: never."
        ),
    ] = 30
    people: Annotated[
        Literal["no", "shorten", "any"],
        Meta(
            description="Whether people may have it otherwise in their own mailboxes: not, only to "
            "keep for a shorter time than this or than the postmaster says, or as they like."
        ),
    ] = "shorten"
