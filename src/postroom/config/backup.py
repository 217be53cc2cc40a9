"""The settings about backups that are taken by themselves."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Backup(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Backups that the server takes by itself, a folder each; the last ones share what they have."""

    path: Annotated[
        str | None, Meta(description="The folder for them. Default: none are taken.")
    ] = None
    every: Annotated[int, Meta(ge=1, le=24 * 366, description="Hours from one to the next.")] = 24
    keep: Annotated[
        int, Meta(ge=1, le=10_000, description="How many are kept; older ones are removed.")
    ] = 7
