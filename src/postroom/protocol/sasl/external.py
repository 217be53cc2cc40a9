"""EXTERNAL: the client has shown who it is already, by the certificate of its TLS.

The one message says whom it wants to act as, empty: whom the certificate names
(RFC 4422 appendix A).
"""

from collections.abc import Sequence
from typing import Final

from postroom.protocol.sasl.steps import AskExternal, Challenge, Denied, Granted, ScramKey, Step

MAX_NAME: Final = 255


class External:
    """One exchange."""

    __slots__ = ("_is_asked",)

    def __init__(self) -> None:
        self._is_asked = False

    def step(self, response: bytes | None) -> Step:
        """Take the one message of the mechanism."""
        if self._is_asked:
            return Denied(is_malformed=True)
        if response is None:
            return Challenge(b"")
        self._is_asked = True
        try:
            authzid = response.decode()
        except UnicodeDecodeError:
            return Denied(is_malformed=True)
        if "\0" in authzid or len(authzid) > MAX_NAME:
            return Denied(is_malformed=True)
        return AskExternal(authzid)

    def answer(self, identity: object | None) -> Step:
        """Answer AskExternal: who it is, None when the certificate does not say so."""
        return Denied() if identity is None else Granted("", None)

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[ScramKey]) -> Step:
        """Never asked for."""
        del salt, iterations, candidates
        return Denied()
