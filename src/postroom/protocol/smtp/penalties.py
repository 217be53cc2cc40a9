"""What errors cost: first time, then the session.

A client that errs is slowed down, then turned off; so guessing recipients is dear (RFC
5321 §7.8, threat D3). Commands that lead to no message are free up to a number. A message
that was accepted clears the account, for a mailing list may well have stale recipients.
"""

import enum
from typing import Final

from postroom.protocol.smtp.settings import Settings

MAX_JUNK: Final = 100  # commands without a message that are free of charge


class Verdict(enum.Enum):
    """What follows from an error."""

    GO_ON = enum.auto()
    SLOW = enum.auto()
    END = enum.auto()


class Penalties:
    """The account of one connection; STARTTLS does not clear it."""

    __slots__ = ("_errors", "_failed_logins", "_junk", "_long_lines", "_settings")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._errors = 0
        self._failed_logins = 0
        self._junk = 0
        self._long_lines = 0

    def error(self) -> Verdict:
        """One more error."""
        self._errors += 1
        if self._errors >= self._settings.hard_errors:
            return Verdict.END
        return Verdict.SLOW if self._errors > self._settings.soft_errors else Verdict.GO_ON

    def junk(self) -> Verdict:
        """One more command that leads to no message."""
        self._junk += 1
        return self.error() if self._junk > MAX_JUNK else Verdict.GO_ON

    def failed_login(self) -> Verdict:
        """One more failed login."""
        self._failed_logins += 1
        is_last = self._failed_logins >= self._settings.login_failures
        return Verdict.END if is_last else Verdict.GO_ON

    def long_line(self) -> Verdict:
        """One more line beyond the limit."""
        self._long_lines += 1
        return Verdict.END if self._long_lines > 1 else Verdict.GO_ON

    def clear(self) -> None:
        """A message was accepted."""
        self._errors = self._junk = 0
