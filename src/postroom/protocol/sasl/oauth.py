"""OAUTHBEARER (RFC 7628) and XOAUTH2, server side: an access token instead of a password.

OAUTHBEARER: ``n,a=user@host,^Aauth=Bearer token^A^A``; XOAUTH2, which was never standardised:
``user=user@host^Aauth=Bearer token^A^A`` (^A is octet 1). A token that is not accepted is
answered with a challenge that says why in JSON; the client answers it, then it is refused
(RFC 7628 §3.2.2, §3.2.3).
"""

import re
from collections.abc import Sequence
from typing import Final

from postroom.protocol.sasl.steps import AskToken, Challenge, Denied, Granted, ScramKey, Step

MAX_MESSAGE: Final = 8_192  # octets; tokens of large providers have some 2,000
MAX_NAME: Final = 255

_REFUSED: Final = b'{"status":"invalid_token","schemes":"bearer","scope":""}'
_REFUSED_X: Final = b'{"status":"401","schemes":"bearer","scope":""}'
_GS2: Final = re.compile(r"n,(?:a=((?:[^,=\x00]|=2C|=3D)+))?,")
_TOKEN: Final = re.compile(r"[Bb]earer +([A-Za-z0-9\-._~+/]+=*)")  # RFC 6750 §2.1


class OAuth:
    """One exchange; ``is_standard`` is OAUTHBEARER."""

    __slots__ = ("_is_asked", "_is_refused", "_is_standard", "_login")

    def __init__(self, *, is_standard: bool) -> None:
        self._is_standard = is_standard
        self._is_asked = False
        self._is_refused = False
        self._login = ""

    def step(self, response: bytes | None) -> Step:
        """Take the one message, or the answer to the refusal."""
        if self._is_refused:
            return Denied()
        if self._is_asked:
            return Denied(is_malformed=True)
        if response is None:
            return Challenge(b"")
        self._is_asked = True
        read = self._read(response)
        if read is None:
            return Denied(is_malformed=True)
        self._login, token = read
        return AskToken(self._login, token) if token else self._refuse()

    def answer(self, identity: object | None) -> Step:
        """Answer AskToken: who it is, None when the token is not good for that."""
        return self._refuse() if identity is None else Granted(self._login, None)

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[ScramKey]) -> Step:
        """Never asked for."""
        del salt, iterations, candidates
        return Denied()

    def _refuse(self) -> Step:
        self._is_refused = True
        return Challenge(_REFUSED if self._is_standard else _REFUSED_X)

    def _read(self, response: bytes) -> tuple[str, str] | None:
        """Login and token, "" where one is missing; None when this is no message."""
        try:
            text = response.decode()
        except UnicodeDecodeError:
            return None
        if len(response) > MAX_MESSAGE or not text.endswith("\x01\x01"):
            return None
        login = ""
        if self._is_standard:
            head, _, text = text.partition("\x01")
            found = _GS2.fullmatch(head)
            if found is None:
                return None
            login = (found[1] or "").replace("=2C", ",").replace("=3D", "=")
        pairs = [field.partition("=") for field in text.rstrip("\x01").split("\x01")]
        if any(not separator for _, separator, _ in pairs if pairs != [("", "", "")]):
            return None
        values = {key: value for key, _, value in pairs}
        if not self._is_standard:
            login = values.get("user", "")
        token = _TOKEN.fullmatch(values.get("auth", ""))
        if len(login) > MAX_NAME or (values.get("auth") and token is None):
            return None
        return login, token[1] if token else ""
