"""When two local parts of a domain are the same: the policy of the domain.

RFC 5321 §2.4 leaves the local part to the domain that owns it; §4.5.1 makes
``postmaster`` case-insensitive everywhere, RFC 2142 §4 adds ``abuse``. RFC 5233 for
subaddresses. Pure functions, no database.
"""

from typing import Final

import msgspec

MAX_BASES: Final = 8  # a local part of separators only must not cost sixty look-ups

_ROLES: Final = frozenset({"postmaster", "abuse"})


class Policy(msgspec.Struct, frozen=True):
    """How the local parts of one domain are compared."""

    separators: str = "+"
    case_sensitive: bool = False
    dots_ignored: bool = False

    def cased(self, local: str) -> str:
        """``local`` without the differences of case that do not count here."""
        return local if self.case_sensitive and not is_role(local) else local.casefold()

    def canonical(self, local: str) -> str:
        """The key: two local parts are one name exactly when their keys are equal."""
        local = self.cased(local)
        return (local.replace(".", "") or local) if self.dots_ignored else local

    def bases(self, local: str) -> list[tuple[str, str]]:
        """Every reading as (key of the user part, detail), the longest user part first.

        ``mary-ann-news`` with ``-``: ``mary-ann`` and ``news``, then ``mary`` and
        ``ann-news``. An empty user part is no reading.
        """
        if not self.separators:
            return []
        places = [at for at in range(1, len(local)) if local[at] in self.separators]
        return [
            (self.canonical(local[:at]), local[at + 1 :]) for at in reversed(places[:MAX_BASES])
        ]


DEFAULT: Final = Policy()


def fold(local: str) -> str:
    """The loosest form: names that are equal under any policy have equal folds."""
    folded = local.casefold()
    return folded.replace(".", "") or folded


def is_role(local: str) -> bool:
    """True for the names that every domain must answer to."""
    return local.lower() in _ROLES
