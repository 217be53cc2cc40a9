"""The settings about files that people send with the browser."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Uploads(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Files that are uploaded in the browser: mail to be imported, lists of accounts."""

    max_size: Annotated[
        int,
        Meta(
            ge=0,
            description="Octets of one file; unpacked it may have ten times as many. The reserve of"
            " the disk stays free whatever this is. 0: nothing is taken.",
        ),
    ] = 4 << 30
