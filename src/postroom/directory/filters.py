"""What runs on every letter that arrives for an account."""

import msgspec

from postroom.db.database import Tx
from postroom.directory import scripts


class Filter(msgspec.Struct, frozen=True):
    """The Sieve ``text`` that runs; ``name`` is what its owner calls it."""

    name: str
    text: str


def of(tx: Tx, account_id: int) -> Filter | None:
    """The filter of an account; None when nothing runs."""
    found = scripts.active(tx, account_id)
    return Filter(*found) if found else None
