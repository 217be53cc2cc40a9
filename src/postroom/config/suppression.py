"""The settings about suppression lists."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Suppression(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Addresses that an account does not write to for now (`postroom suppression`)."""

    scope: Annotated[
        Literal["api", "all", "off"],
        Meta(
            description="Whose mail heeds the list of its account, and fills it: api for what "
            "programs send over the HTTP API, all for whatever an account sends, off for none. An "
            "account can choose otherwise: postroom suppression use."
        ),
    ] = "api"
    bounce_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3_650,
            description="How long an address stays on the list when a server has said that there "
            "is no such mailbox; 0: it does not come there.",
        ),
    ] = 90
    complaint_days: Annotated[
        int,
        Meta(
            ge=0,
            le=3_650,
            description="The same for who has called a message spam, as a feedback report tells.",
        ),
    ] = 365
