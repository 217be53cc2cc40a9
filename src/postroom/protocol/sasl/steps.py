"""What a mechanism asks of its driver, step by step.

Nothing here shows a password in a ``repr``.
"""

from typing import Protocol, TypeAlias

import msgspec


class Challenge(msgspec.Struct, frozen=True):
    """Send this to the client (in base64); its response goes to ``step``.

    ``is_final``: the client has proved who it is and has nothing to add. A protocol that can
    say this together with the outcome gives ``step`` the empty response (RFC 4422 §3.6).
    """

    octets: bytes
    is_final: bool = False


class AskPassword(msgspec.Struct, frozen=True):
    """Is this password right? The driver tells ``answer`` who it is, or None.

    ``authzid`` is whom the client wants to act as; empty: itself (RFC 4616 §2).
    """

    login: str
    authzid: str
    password: str

    def __repr__(self) -> str:
        """Without the password."""
        return f"AskPassword({self.login!r})"


class AskScram(msgspec.Struct, frozen=True):
    """Which SCRAM keys has this login? The driver tells ``keys``."""

    login: str
    authzid: str


class AskToken(msgspec.Struct, frozen=True):
    """Whose access token is this? The driver tells ``answer`` who it is, or None.

    ``login`` is who the client says it is; empty: whoever the token belongs to.
    """

    login: str
    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return f"AskToken({self.login!r})"


class AskExternal(msgspec.Struct, frozen=True):
    """Does the client's certificate let it act as this? Empty: whoever it names."""

    authzid: str


class Granted(msgspec.Struct, frozen=True):
    """The client is who it says. ``credential`` was proven by SCRAM; None after a password."""

    login: str
    credential: int | None


class Denied(msgspec.Struct, frozen=True):
    """The exchange failed. ``is_malformed``: the response was no message of the mechanism."""

    is_malformed: bool = False


Step: TypeAlias = Challenge | AskPassword | AskScram | AskToken | AskExternal | Granted | Denied


class ScramKey(Protocol):
    """The keys of one credential (RFC 5802 §3)."""

    @property
    def credential_id(self) -> int:
        """Comes back in ``Granted``."""

    @property
    def stored_key(self) -> bytes:
        """H(ClientKey)."""

    @property
    def server_key(self) -> bytes:
        """HMAC(SaltedPassword, "Server Key")."""
