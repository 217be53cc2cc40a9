"""Who may set a server up that nobody owns yet: whoever reads its console.

The key is shown there once, as part of an address; here there is only its digest. It opens one
session and is void then, and after an hour. The session is a cookie, of which only the digest is
kept as well. All comparisons take the same time whatever is given.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

KEY_MS: Final = 3_600_000  # how long the key opens
SESSION_MS: Final = 4 * 3_600_000
COOKIE: Final = "postroom-setup"


class FirstRun:
    """One key and at most one session; both are gone when the process ends."""

    def __init__(self, clock: Callable[[], int]) -> None:
        """``clock`` is UTC milliseconds."""
        self._clock = clock
        self._key = b""
        self._session = b""
        self._until = 0
        self._word = ""

    def make_key(self) -> str:
        """A new key, to be shown once; one that was there before is void."""
        key = secrets.token_urlsafe(32)
        self._key, self._until = _digest(key), self._clock() + KEY_MS
        return key

    def fits(self, key: str) -> bool:
        """Whether the key would open."""
        is_right = hmac.compare_digest(self._key, _digest(key))
        return is_right and bool(self._key) and self._clock() < self._until

    def open(self, key: str) -> str | None:
        """The secret of the one session; None for a wrong, used or old key."""
        if not self.fits(key):
            return None
        secret = secrets.token_urlsafe(32)
        self._key, self._session = b"", _digest(secret)
        self._until = self._clock() + SESSION_MS
        self._word = secrets.token_hex(16)
        return secret

    def knows(self, secret: str) -> bool:
        """Whether somebody is who has opened the session."""
        is_right = hmac.compare_digest(self._session, _digest(secret))
        return is_right and bool(self._session) and self._clock() < self._until

    @property
    def is_used(self) -> bool:
        """Whether somebody has opened the session, and it is not over."""
        return bool(self._session) and self._clock() < self._until

    @property
    def word(self) -> str:
        """What every form of the session carries."""
        return self._word

    def is_word(self, given: str) -> bool:
        """Whether a form comes from a page of the session."""
        return bool(self._word) and hmac.compare_digest(self._word.encode(), given.encode())

    def close(self) -> None:
        """Nobody is let in any more."""
        self._key = self._session = b""


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
