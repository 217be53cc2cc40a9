"""Who has logged in, and who has tried to: counted in memory, for ``keeper`` to write down.

Programs look for mail every few minutes: what is alike of a day (UTC) is one row that says how
often. It is written at once when it is new, and later the more seldom the longer it goes on, at
most once an hour; so the writes of a large server stay few. A kill loses counts, no row.
``login_rows`` are the rows.
"""

from collections import OrderedDict
from typing import Final, Literal

import msgspec

DAY_MS: Final = 86_400_000
SOONEST_MS: Final = 60_000  # between two writes of a row
LATEST_MS: Final = 3_600_000
MAX_OPEN: Final = 20_000
MAX_LOGIN: Final = 320  # characters of a name

Outcome = Literal["in", "half", "refused", "untested"]
Means = Literal["password", "app", "code", "passkey", "oidc", "token", "certificate"]

_MEANS: Final[dict[str, Means]] = {
    "APP": "app",
    "CODE": "code",
    "TOTP": "code",
    "PASSKEY": "passkey",
    "OIDC": "oidc",
    "OAUTH": "token",
    "EXTERNAL": "certificate",
}


class Attempt(msgspec.Struct, frozen=True):
    """What is alike. Either ``account_id`` is known, or ``login`` is what was typed, case-folded.

    ``credential_id`` is above 0 for a password of ours.
    """

    day: int
    account_id: int
    login: str
    outcome: Outcome
    door: str
    address: str
    means: Means
    credential_id: int


class Counted(msgspec.Struct, frozen=True):
    """How often since it was written last, and when; UTC milliseconds."""

    first: int
    last: int
    times: int


class _Tally(msgspec.Struct):
    begun: int
    first: int
    last: int
    times: int = 0
    due: int = 0


class Logins:
    """Those of one server. ``changed`` is what is due to be written down."""

    def __init__(self, *, is_kept: bool = True) -> None:
        """Where no history ``is_kept``, nothing is counted."""
        self._is_kept = is_kept
        self._open: OrderedDict[Attempt, _Tally] = OrderedDict()
        self.changed: dict[Attempt, Counted] = {}

    def entered(
        self,
        account_id: int,
        credential_id: int,
        now: int,
        *,
        door: str,
        address: str,
        mechanism: str,
        outcome: Outcome = "in",
    ) -> None:
        """Somebody has shown who they are, or half of it."""
        means = means_of(mechanism)
        self._count(
            Attempt(now // DAY_MS, account_id, "", outcome, door, address, means, credential_id),
            now,
        )

    def failed(
        self,
        login: str,
        now: int,
        *,
        door: str,
        address: str,
        mechanism: str,
        outcome: Outcome = "refused",
    ) -> None:
        """Somebody has not. Whether ``login`` is anybody's is found out when it is written."""
        name, means = login.casefold()[:MAX_LOGIN], means_of(mechanism)
        self._count(Attempt(now // DAY_MS, 0, name, outcome, door, address, means, 0), now)

    def written(self, attempts: dict[Attempt, Counted], now: int) -> None:
        """These are written down; what has come since is kept for the next time."""
        for attempt, counted in attempts.items():
            newer = self.changed.pop(attempt, counted)
            if newer is not counted:
                left = newer.times - counted.times
                self.changed[attempt] = Counted(counted.last, newer.last, left)
            tally = self._open.get(attempt)
            if tally is not None:
                tally.times -= counted.times
                tally.first = tally.last
                tally.due = now + min(LATEST_MS, max(SOONEST_MS, now - tally.begun))

    def sweep(self, now: int, *, everything: bool = False) -> None:
        """Let what is due be written, and forget earlier days; ``everything``: at the end."""
        today = now // DAY_MS
        for attempt, tally in list(self._open.items()):
            is_over = attempt.day < today
            if tally.times and (everything or is_over or now >= tally.due):
                self._change(attempt, tally)
            elif is_over and attempt not in self.changed:
                del self._open[attempt]

    def _count(self, attempt: Attempt, now: int) -> None:
        if not self._is_kept:
            return
        tally = self._open.get(attempt)
        if tally is None:
            was = self.changed.get(attempt, Counted(now, now, 0))
            tally = self._open[attempt] = _Tally(now, was.first, now, was.times)
            if len(self._open) > MAX_OPEN:
                oldest, its = self._open.popitem(last=False)
                if its.times:
                    self._change(oldest, its)
        self._open.move_to_end(attempt)
        if not tally.times:
            tally.first = now
        tally.last, tally.times = now, tally.times + 1
        if now >= tally.due:
            self._change(attempt, tally)

    def _change(self, attempt: Attempt, tally: _Tally) -> None:
        self.changed[attempt] = Counted(tally.first, tally.last, tally.times)
        while len(self.changed) > MAX_OPEN:
            del self.changed[next(iter(self.changed))]


def means_of(mechanism: str) -> Means:
    """What a mechanism shows; whether a password is an app's is found out by its row."""
    return _MEANS.get(mechanism, "password")
