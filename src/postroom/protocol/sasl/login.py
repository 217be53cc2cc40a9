"""LOGIN: two challenges, a name and a password.

Never standardised, spoken by old clients and devices; the challenges are the literal
texts they look for. A name may come as initial response.
"""

from collections.abc import Sequence
from typing import Final

from postroom.protocol.sasl.plain import MAX_FIELD
from postroom.protocol.sasl.steps import AskPassword, Challenge, Denied, Granted, ScramKey, Step

_NAME: Final = Challenge(b"Username:")
_PASSWORD: Final = Challenge(b"Password:")


class Login:
    """One exchange."""

    __slots__ = ("_is_asked", "_login")

    def __init__(self) -> None:
        self._login: str | None = None
        self._is_asked = False

    def step(self, response: bytes | None) -> Step:
        """Take the name, then the password."""
        if self._is_asked:
            return Denied(is_malformed=True)
        if response is None:
            return _NAME
        try:
            text = response.decode()
        except UnicodeDecodeError:
            return Denied(is_malformed=True)
        if not text or "\0" in text:
            return Denied(is_malformed=True)
        if self._login is None:
            if len(text) > MAX_FIELD:
                return Denied(is_malformed=True)
            self._login = text
            return _PASSWORD
        if len(text) > 4 * MAX_FIELD:
            return Denied(is_malformed=True)
        self._is_asked = True
        return AskPassword(self._login, "", text)

    def answer(self, identity: object | None) -> Step:
        """Answer AskPassword: who it is, None when the password is wrong."""
        if self._login is None or not self._is_asked or identity is None:
            return Denied()
        return Granted(self._login, None)

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[ScramKey]) -> Step:
        """Never asked for."""
        del salt, iterations, candidates
        return Denied()
