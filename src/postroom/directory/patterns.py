"""Aliases whose name is a pattern: ``sales-*`` stands for every name like it.

A star is any characters, also none. A name that somebody has comes first, with its subaddresses;
of several patterns the one that says most, which is the one with the most characters besides
stars. They are the last that is tried before the catch-all of the domain.
"""

from typing import Final

from postroom.db.database import Tx
from postroom.directory.domains import OwnDomain

STAR: Final = "*"


def is_pattern(local: str) -> bool:
    """Whether a local part, as the name of an alias, stands for others."""
    return STAR in local


def matches(pattern: str, name: str) -> bool:
    """Whether a name is like a pattern; linear, both in canonical form."""
    first, *middle = pattern.split(STAR)
    if not middle:
        return first == name
    last = middle.pop()
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for piece in middle:
        at = name.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def of(tx: Tx, own: OwnDomain) -> list[tuple[str, int, str]]:
    """(canonical pattern, alias id, as it was written) of a domain, what says most first."""
    rows = tx.all(
        "SELECT canonical, alias_id, written FROM address"
        " WHERE domain_id = :domain AND is_pattern = 1 AND live = 1",
        domain=own.id,
    )
    return sorted(rows, key=lambda row: (row[0].count(STAR) - len(row[0]), row[0]))
