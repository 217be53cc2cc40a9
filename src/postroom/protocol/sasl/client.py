"""SASL mechanisms, client side: PLAIN, LOGIN, SCRAM-SHA-256, OAUTHBEARER, XOAUTH2.

    name = choose(offered, has_token=False, allow_plain=has_tls)
    mechanism = start(name, credentials, nonce=nonce)
    initial = mechanism.initial()            # None: the server speaks first
    answer = mechanism.respond(challenge)    # ChallengeFault: cancel the exchange
    mechanism.is_complete                    # False at the server's yes: do not believe it

SCRAM proves both sides: the server's signature is checked, and until then nothing is
complete. Channel binding is not used. No ``repr`` shows a password or a token.

RFC 4422, RFC 4616 (PLAIN), RFC 5802 and RFC 7677 (SCRAM), RFC 7628 (OAUTHBEARER); LOGIN and
XOAUTH2 were never standardised. RFC 4013 (SASLprep): mapping and normalisation; what it
prohibits is sent as it is, for the server to judge.
"""

import binascii
import hashlib
import hmac
from collections.abc import Set as AbstractSet
from typing import ClassVar, Final, Protocol

import msgspec

from postroom.protocol.sasl.prep import mapped
from postroom.protocol.sasl.scram import MAX_NONCE

MIN_ITERATIONS: Final = 4_096  # RFC 7677 §4
MAX_ITERATIONS: Final = 1_000_000  # some 0.3 s; a server must not hold us for minutes
MAX_SALT: Final = 1_024  # octets
_WITH_PASSWORD: Final = ("SCRAM-SHA-256", "PLAIN", "LOGIN")  # the best first
_WITH_TOKEN: Final = ("OAUTHBEARER", "XOAUTH2")
_CONCEALED: Final = frozenset({"SCRAM-SHA-256"})  # these need no TLS
_GS2: Final = b"n,,"  # no channel binding, no authzid (RFC 5802 §7)


class ChallengeFault(Exception):
    """A challenge that makes no sense, or a server that is not who it says; cancel.

    ``reason`` is printable and holds no secret.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Who we are. ``secret`` is the password, or the access token of OAuth.

    ``host`` and ``port`` are those of the server, told by OAUTHBEARER (RFC 7628 §3.1).
    """

    login: str
    secret: str
    host: str = ""
    port: int = 0

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Credentials({self.login!r})"


class ClientMechanism(Protocol):
    """One exchange, client side."""

    @property
    def name(self) -> str:
        """As the server offers it."""

    @property
    def is_complete(self) -> bool:
        """The server may say yes now."""

    def initial(self) -> bytes | None:
        """What we say first; None: the server does. Asked once."""

    def respond(self, challenge: bytes) -> bytes:
        """The answer to a challenge; raises ChallengeFault."""


def choose(offered: AbstractSet[str], *, has_token: bool, allow_plain: bool) -> str | None:
    """The best mechanism that both sides have, None without one.

    ``allow_plain``: the connection is encrypted, so a password or token may cross it.
    """
    wanted = _WITH_TOKEN if has_token else _WITH_PASSWORD
    return next(
        (name for name in wanted if name in offered and (allow_plain or name in _CONCEALED)), None
    )


def start(name: str, credentials: Credentials, *, nonce: str) -> ClientMechanism:
    """The mechanism of that name; ``nonce`` is fresh printable ASCII without comma.

    Raises ValueError for a name that ``choose`` does not give, and for credentials that no
    mechanism can carry: empty, with a NUL or an octet 1, no Unicode text.
    """
    if not credentials.login or not credentials.secret:
        raise ValueError("the login or its secret is empty")
    if any(sign in text for sign in "\0\1" for text in (credentials.login, credentials.secret)):
        raise ValueError("the login or its secret holds a control character")
    if not all(map(_is_unicode, (credentials.login, credentials.secret))):
        raise ValueError("the login or its secret is no Unicode text")
    match name:
        case "PLAIN":
            return PlainClient(credentials)
        case "LOGIN":
            return LoginClient(credentials)
        case "SCRAM-SHA-256":
            return ScramClient(credentials, nonce)
        case "OAUTHBEARER":
            return OAuthClient(credentials)
        case "XOAUTH2":
            return XOAuthClient(credentials)
        case _:
            raise ValueError(f"{name!r} is no mechanism of ours")


class PlainClient:
    """RFC 4616: one message."""

    __slots__ = ("_credentials", "_is_said")
    name: ClassVar[str] = "PLAIN"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._is_said = False

    @property
    def is_complete(self) -> bool:
        """The message has gone."""
        return self._is_said

    def initial(self) -> bytes:
        """Without an authzid: we act as ourselves."""
        self._is_said = True
        return f"\0{self._credentials.login}\0{self._credentials.secret}".encode()

    def respond(self, challenge: bytes) -> bytes:
        """There is nothing more to say."""
        raise _surplus(challenge)


class LoginClient:
    """Name and password, in that order; the texts of the challenges mean nothing."""

    __slots__ = ("_answers",)
    name: ClassVar[str] = "LOGIN"

    def __init__(self, credentials: Credentials) -> None:
        self._answers = [credentials.secret.encode(), credentials.login.encode()]

    @property
    def is_complete(self) -> bool:
        """Both have gone."""
        return not self._answers

    def initial(self) -> None:
        """The server speaks first."""

    def respond(self, challenge: bytes) -> bytes:
        """The name, then the password."""
        if not self._answers:
            raise _surplus(challenge)
        return self._answers.pop()


class OAuthClient:
    """OAUTHBEARER, RFC 7628: a token; a challenge is an error that we confirm."""

    __slots__ = ("_credentials", "_is_refused", "_is_said")
    name: ClassVar[str] = "OAUTHBEARER"
    confirmation: ClassVar[bytes] = b"\x01"  # RFC 7628 §3.2.3

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._is_said = False
        self._is_refused = False

    @property
    def is_complete(self) -> bool:
        """The token has gone, and no error has come."""
        return self._is_said and not self._is_refused

    def initial(self) -> bytes:
        """RFC 7628 §3.1."""
        self._is_said = True
        return self._message().encode()

    def _message(self) -> str:
        known = self._credentials
        fields = [f"n,a={_escaped(known.login)},"]
        if known.host:
            fields.append(f"host={known.host}")
        if known.port:
            fields.append(f"port={known.port}")
        return "\1".join([*fields, f"auth=Bearer {known.secret}", "", ""])

    def respond(self, challenge: bytes) -> bytes:
        """The server tells why not; its refusal follows."""
        if not self._is_said or self._is_refused:
            raise _surplus(challenge)
        self._is_refused = True
        return self.confirmation


class XOAuthClient(OAuthClient):
    """XOAUTH2: the same in an older form."""

    __slots__ = ()
    name: ClassVar[str] = "XOAUTH2"
    confirmation: ClassVar[bytes] = b""

    def _message(self) -> str:
        return f"user={self._credentials.login}\1auth=Bearer {self._credentials.secret}\1\1"


class ScramClient:
    """SCRAM-SHA-256, RFC 5802 and RFC 7677."""

    __slots__ = ("_bare", "_credentials", "_nonce", "_signature", "is_complete")
    name: ClassVar[str] = "SCRAM-SHA-256"

    def __init__(self, credentials: Credentials, nonce: str) -> None:
        """``nonce`` is our part: fresh, printable, without comma."""
        if not _is_nonce(nonce):
            raise ValueError("the nonce is not printable ASCII without comma")
        self._credentials = credentials
        self._nonce = nonce.encode("ascii")
        self._bare = b""
        self._signature: bytes | None = None  # what the server must show
        self.is_complete = False

    def initial(self) -> bytes:
        """RFC 5802 §7 client-first-message."""
        login = _escaped(mapped(self._credentials.login))
        self._bare = b"n=%b,r=%b" % (login.encode(), self._nonce)
        return _GS2 + self._bare

    def respond(self, challenge: bytes) -> bytes:
        """client-final-message, then the empty answer to server-final-message."""
        if not self._bare or self.is_complete:
            raise _surplus(challenge)
        if self._signature is None:
            return self._client_final(challenge)
        self._verify(challenge, self._signature)
        self.is_complete = True
        return b""

    def _client_final(self, first: bytes) -> bytes:
        salt, iterations, nonce = self._server_first(first)
        password = mapped(self._credentials.secret).encode()
        salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        without = b"c=%b,r=%b" % (binascii.b2a_base64(_GS2, newline=False), nonce)
        signed = b",".join((self._bare, first, without))
        stored_key = hashlib.sha256(client_key).digest()
        signature = hmac.digest(stored_key, signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._signature = hmac.digest(server_key, signed, "sha256")
        return without + b",p=" + binascii.b2a_base64(proof, newline=False)

    def _server_first(self, message: bytes) -> tuple[bytes, int, bytes]:
        """(salt, iterations, whole nonce) of server-first-message; "m=" is refused too."""
        fields = message.split(b",", 3)
        if len(fields) < 3 or [field[:2] for field in fields[:3]] != [b"r=", b"s=", b"i="]:
            raise ChallengeFault("the server's first message of SCRAM-SHA-256 makes no sense")
        nonce, salt_text, count = (field[2:] for field in fields[:3])
        if not nonce.startswith(self._nonce) or nonce == self._nonce:
            raise ChallengeFault("the server does not continue our nonce of SCRAM-SHA-256")
        if not _is_nonce(nonce.decode("latin-1")):
            raise ChallengeFault("the server's nonce of SCRAM-SHA-256 is not printable")
        salt = _decoded(salt_text)
        if not salt or len(salt) > MAX_SALT:
            raise ChallengeFault("the salt of SCRAM-SHA-256 makes no sense")
        if not count.isdigit() or len(count) > 9:
            raise ChallengeFault("the iteration count of SCRAM-SHA-256 is no number")
        if not MIN_ITERATIONS <= int(count) <= MAX_ITERATIONS:
            raise ChallengeFault(
                f"the iteration count of SCRAM-SHA-256, {int(count)}, is not between"
                f" {MIN_ITERATIONS} and {MAX_ITERATIONS}"
            )
        return salt, int(count), nonce

    @staticmethod
    def _verify(message: bytes, signature: bytes) -> None:
        """RFC 5802 §5.1: the server shows that it knows our keys."""
        field = message.split(b",", 1)[0]
        if field.startswith(b"e="):
            raise ChallengeFault("the server refuses the proof of SCRAM-SHA-256")
        if not field.startswith(b"v=") or not hmac.compare_digest(_decoded(field[2:]), signature):
            raise ChallengeFault("the server does not prove that it knows the password")


def _surplus(challenge: bytes) -> ChallengeFault:
    return ChallengeFault(f"a challenge of {len(challenge)} octets has no place here")


def _decoded(text: bytes) -> bytes:
    """Strict base64; b"" for anything else."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return b""


def _escaped(login: str) -> str:
    """RFC 5802 §5.1 saslname."""
    return login.replace("=", "=3D").replace(",", "=2C")


def _is_unicode(text: str) -> bool:
    """Surrogates can't be sent; the error of ``encode`` would show the secret."""
    return not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_nonce(nonce: str) -> bool:
    """RFC 5802 §7: printable ASCII without comma; the server adds its own part."""
    is_text = nonce.isascii() and nonce.isprintable() and "," not in nonce and " " not in nonce
    return is_text and 0 < len(nonce) <= 2 * MAX_NONCE
