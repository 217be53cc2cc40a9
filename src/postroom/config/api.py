"""The settings about the API for programs."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Api(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The JSON API at `/api/v1` of the `http` and `https` doors, for programs with a token."""

    enabled: Annotated[
        bool,
        Meta(description="Serve it. Without a token (`postroom token add`) it opens to nobody."),
    ] = True
    calls_per_minute: Annotated[
        int, Meta(ge=0, le=1_000_000, description="Calls of one token. 0: no limit.")
    ] = 1200
