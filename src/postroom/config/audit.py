"""The settings about the audit log."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who changed what (`postroom audit`)."""

    keep_days: Annotated[int, Meta(ge=1, le=36_500, description="How long entries are kept.")] = 365
