"""SCRAM-SHA-256: the password never crosses the wire (RFC 5802, RFC 7677).

An account may have several credentials that share salt and iteration count; the proof is
tested against each, and every test costs the same. A name that nobody has gets a salt and
no candidates, and fails at the same step as a wrong password. Channel binding is not
offered: a client that demands it ("p=") is refused, one that would have liked it ("y") is
served (RFC 5802 §6).
"""

import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from postroom.protocol.sasl.plain import MAX_FIELD
from postroom.protocol.sasl.steps import AskScram, Challenge, Denied, Granted, ScramKey, Step

MAX_NONCE: Final = 512
_MALFORMED: Final = Denied(is_malformed=True)


class ScramSha256:
    """One exchange."""

    __slots__ = ("_bare", "_candidates", "_first", "_gs2", "_login", "_nonce", "_proven")

    def __init__(self, nonce: str) -> None:
        """``nonce`` is the server's part: fresh, printable, without comma."""
        self._nonce = nonce
        self._login: str | None = None
        self._gs2 = b""
        self._bare = b""
        self._first = b""
        self._candidates: Sequence[ScramKey] = ()
        self._proven: int | None = None

    def step(self, response: bytes | None) -> Step:
        """Take client-first, client-final, or the empty response to server-final."""
        if response is None:
            return Challenge(b"")
        if self._proven is not None:
            if response or self._login is None:
                return _MALFORMED
            return Granted(self._login, self._proven)
        if self._login is None:
            return self._client_first(response)
        return self._client_final(response) if self._first else _MALFORMED

    def answer(self, identity: object | None) -> Step:
        """Never asked for."""
        del identity
        return Denied()

    def keys(self, salt: bytes, iterations: int, candidates: Sequence[ScramKey]) -> Step:
        """Answer AskScram: server-first goes out."""
        if self._login is None or self._first:
            return Denied()
        self._candidates = candidates
        text = binascii.b2a_base64(salt, newline=False).decode("ascii")
        self._first = f"r={self._nonce},s={text},i={iterations}".encode("ascii")
        return Challenge(self._first)

    def _client_first(self, message: bytes) -> Step:
        """RFC 5802 §7 client-first-message: gs2 header, n=, r=, extensions."""
        flag, comma, rest = message.partition(b",")
        authzid, second, bare = rest.partition(b",")
        if not comma or not second or flag not in (b"n", b"y"):
            return _MALFORMED
        fields = bare.split(b",")
        if len(fields) < 2 or fields[0][:2] != b"n=" or fields[1][:2] != b"r=":
            return _MALFORMED
        login = _name(fields[0][2:])
        acting = _name(authzid[2:]) if authzid else ""
        nonce = fields[1][2:]
        if not login or acting is None or (authzid and authzid[:2] != b"a="):
            return _MALFORMED
        if not _is_printable(nonce):
            return _MALFORMED
        self._login = login
        self._gs2 = message[: len(message) - len(bare)]
        self._bare = bare
        self._nonce = nonce.decode("ascii") + self._nonce
        return AskScram(login, acting)

    def _client_final(self, message: bytes) -> Step:
        """RFC 5802 §7 client-final-message: c=, r=, extensions, p= at the end."""
        without, comma, proof_text = message.rpartition(b",p=")
        fields = without.split(b",")
        if not comma or len(fields) < 2:
            return _MALFORMED
        binding = binascii.b2a_base64(self._gs2, newline=False)
        if fields[0] != b"c=" + binding or fields[1] != b"r=" + self._nonce.encode("ascii"):
            return _MALFORMED
        try:
            proof = binascii.a2b_base64(proof_text, strict_mode=True)
        except binascii.Error:
            return _MALFORMED
        if len(proof) != hashlib.sha256().digest_size:
            return _MALFORMED
        signed = b",".join((self._bare, self._first, without))
        server_key = self._prove(proof, signed)
        if server_key is None:
            return Denied()
        signature = hmac.digest(server_key, signed, "sha256")
        return Challenge(b"v=" + binascii.b2a_base64(signature, newline=False), is_final=True)

    def _prove(self, proof: bytes, signed: bytes) -> bytes | None:
        """RFC 5802 §3: H(proof XOR HMAC(StoredKey, signed)) must be StoredKey."""
        found: bytes | None = None
        for candidate in self._candidates:
            signature = hmac.digest(candidate.stored_key, signed, "sha256")
            client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
            hashed = hashlib.sha256(client_key).digest()
            if hmac.compare_digest(hashed, candidate.stored_key):
                found = candidate.server_key
                self._proven = candidate.credential_id
        return found


def _name(octets: bytes) -> str | None:
    """A saslname: "=2C" is a comma, "=3D" an equals sign (RFC 5802 §5.1)."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    if text.count("=") != text.count("=2C") + text.count("=3D"):
        return None
    text = text.replace("=2C", ",").replace("=3D", "=")
    return text if text and len(text) <= MAX_FIELD and "\0" not in text else None


def _is_printable(nonce: bytes) -> bool:
    """RFC 5802 §7: printable ASCII without comma; commas are gone already."""
    text = nonce.decode("latin-1")
    return 0 < len(text) <= MAX_NONCE and text.isascii() and text.isprintable() and " " not in text
