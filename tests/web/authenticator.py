"""An authenticator in software: makes passkeys and signs with them, well or badly.

Its CBOR and its keys are its own, so that the library of the server is not its own judge.
"""

import base64
import hashlib
import json
import secrets
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ORIGIN = "https://mx.demo.test"
PRESENT, VERIFIED, ATTESTED = 1, 4, 64  # flags of authenticator data


class Authenticator:
    """One device with at most one passkey."""

    def __init__(self, *, counts: bool = True, algorithm: int = -7) -> None:
        self.credential = secrets.token_bytes(32)
        self.algorithm = algorithm
        self.counter = 0
        self.counts = counts
        self.rp = ""
        self.user = b""
        self._ec = ec.generate_private_key(ec.SECP256R1())
        self._ed = ed25519.Ed25519PrivateKey.generate()

    def create(self, options: str, *, origin: str = ORIGIN, flags: int = PRESENT | VERIFIED) -> str:
        """Make the passkey; the answer of the browser."""
        asked = json.loads(options)["publicKey"]
        self.rp, self.user = asked["rp"]["id"], octets(asked["user"]["id"])
        head = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential
        data = self._data(flags | ATTESTED) + head + cbor(self._public())
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        client = _client("webauthn.create", asked["challenge"], origin)
        return self._answer(clientDataJSON=client, attestationObject=cbor(attestation))

    def get(
        self,
        options: str,
        *,
        origin: str = ORIGIN,
        flags: int = PRESENT | VERIFIED,
        kind: str = "webauthn.get",
        rp: str = "",
        **changed: bytes,
    ) -> str:
        """Sign a challenge; the answer of the browser, with parts of it ``changed`` afterwards."""
        asked = json.loads(options)["publicKey"]
        self.counter += self.counts
        data = self._data(flags, rp)
        client = _client(kind, asked["challenge"], origin)
        signature = self._sign(data + hashlib.sha256(client).digest())
        parts = {
            "clientDataJSON": client,
            "authenticatorData": data,
            "signature": signature,
            "userHandle": self.user,
        }
        return self._answer(**(parts | changed))

    def _data(self, flags: int, rp: str = "") -> bytes:
        digest = hashlib.sha256((rp or self.rp).encode()).digest()
        return digest + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _public(self) -> dict[int, Any]:
        if self.algorithm == -8:
            raw = self._ed.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            return {1: 1, 3: -8, -1: 6, -2: raw}
        numbers = self._ec.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        return {1: 2, 3: self.algorithm, -1: 1, -2: x, -3: y}

    def _sign(self, octets: bytes) -> bytes:
        if self.algorithm == -8:
            return self._ed.sign(octets)
        return self._ec.sign(octets, ec.ECDSA(hashes.SHA256()))

    def _answer(self, **parts: bytes) -> str:
        ident = text(self.credential)
        response = {name: text(value) for name, value in parts.items()}
        return json.dumps({"id": ident, "rawId": ident, "type": "public-key", "response": response})


def text(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def octets(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def cbor(value: int | bytes | str | dict[Any, Any]) -> bytes:
    """RFC 8949, as much of it as authenticators need."""
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    return _head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())


def _head(major: int, number: int) -> bytes:
    if number < 24:
        return bytes([major << 5 | number])
    size = 1 if number < 256 else 2 if number < 65_536 else 4
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26}[size]]) + number.to_bytes(size, "big")


def _client(kind: str, challenge: str, origin: str) -> bytes:
    said = {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
    return json.dumps(said).encode()
