"""PLAIN: authzid NUL authcid NUL password (RFC 4616)."""

from collections.abc import Sequence
from typing import Final

from postroom.protocol.sasl.steps import AskPassword, Challenge, Denied, Granted, ScramKey, Step

MAX_FIELD: Final = 255  # octets, RFC 4616 §2; passwords of 1,024 are allowed


class Plain:
    """One exchange."""

    __slots__ = ("_login",)

    def __init__(self) -> None:
        self._login: str | None = None

    def step(self, response: bytes | None) -> Step:
        """Take the one message of the mechanism."""
        if self._login is not None:
            return Denied(is_malformed=True)
        if response is None:
            return Challenge(b"")
        try:
            fields = response.decode().split("\0")
        except UnicodeDecodeError:
            return Denied(is_malformed=True)
        if len(fields) != 3:
            return Denied(is_malformed=True)
        authzid, login, password = fields
        if not login or not password or max(len(login), len(authzid)) > MAX_FIELD:
            return Denied(is_malformed=True)
        if len(password) > 4 * MAX_FIELD:
            return Denied(is_malformed=True)
        self._login = login
        return AskPassword(login, authzid, password)

    def answer(self, identity: object | None) -> Step:
        """Answer AskPassword: who it is, None when the password is wrong."""
        if self._login is None or identity is None:
            return Denied()
        return Granted(self._login, None)

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[ScramKey]) -> Step:
        """Never asked for."""
        del salt, iterations, candidates
        return Denied()
