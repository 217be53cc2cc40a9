"""Signing keys: made, loaded once, and written as the DNS record that publishes them.

A key is stored as PKCS #8 in DER. Loading an RSA key checks its numbers, which costs about
50 ms: keep the SigningKey, and skip the check for keys that were made here. Making a key is
the one thing in this package that draws on chance, inside ``cryptography``; making and
signing with RSA belong off the event loop.

RFC 6376 §3.6.1 (the record), RFC 8301 §3.2 (1024 bits at the least, 2048 and more for ours),
RFC 8463 §3 and §4 (Ed25519: the signature is of the SHA-256 digest, ``p=`` holds 32 octets).
Who owns which key and which selector names it is the directory's business.
"""

import base64
import hashlib
from dataclasses import dataclass
from typing import Final, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils

Algorithm = Literal["rsa-sha256", "ed25519-sha256"]

MIN_BITS: Final = 1024  # RFC 8301 §3.2: signers must not use less
MAX_BITS: Final = 4096  # RFC 8301 §3.2: verifiers need not accept more
_MADE_BITS: Final = 2048
_EXPONENT: Final = 65537


class BadKey(ValueError):
    """The octets are no key that DKIM can use; the message says why."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key, ready to sign; its repr shows no secret."""

    algorithm: Algorithm
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey

    @classmethod
    def load(cls, der: bytes, *, made_here: bool = False) -> "SigningKey":
        """Read PKCS #8 DER; raises BadKey and nothing else.

        ``made_here`` skips the check of RSA numbers, which only a stranger's key needs.
        """
        try:
            key = serialization.load_der_private_key(
                der, password=None, unsafe_skip_rsa_key_validation=made_here
            )
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise BadKey(
                "this is no private key in PKCS #8 DER without a password; convert it with"
                " openssl pkcs8 -topk8 -nocrypt -outform DER"
            ) from None
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return cls("ed25519-sha256", key)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise BadKey("DKIM signs with RSA or Ed25519 keys only; make one of these")
        _check_bits(key.key_size)
        return cls("rsa-sha256", key)

    def sign(self, octets: bytes) -> bytes:
        """The signature of the canonical header octets (RFC 6376 §3.3.1, RFC 8463 §3)."""
        digest = hashlib.sha256(octets).digest()
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(digest)
        return self.private.sign(digest, padding.PKCS1v15(), utils.Prehashed(hashes.SHA256()))


def generate_rsa(bits: int = _MADE_BITS) -> bytes:
    """A new RSA key in PKCS #8 DER; takes 50 to 500 ms. Raises BadKey for a bad size."""
    if not _MADE_BITS <= bits <= MAX_BITS:
        raise BadKey(f"an RSA key of {bits} bits is not made; choose {_MADE_BITS} to {MAX_BITS}")
    return _der(rsa.generate_private_key(public_exponent=_EXPONENT, key_size=bits))


def generate_ed25519() -> bytes:
    """A new Ed25519 key in PKCS #8 DER."""
    return _der(ed25519.Ed25519PrivateKey.generate())


def public_record(key: SigningKey | bytes) -> str:
    """The TXT value that publishes the key: ``v=DKIM1; k=rsa; p=..``.

    ``key`` is loaded, or DER: private in PKCS #8 or public as a SubjectPublicKeyInfo.
    Raises BadKey.
    """
    public = key.private.public_key() if isinstance(key, SigningKey) else _public(key)
    if isinstance(public, ed25519.Ed25519PublicKey):
        return f"v=DKIM1; k=ed25519; p={_base64(public.public_bytes_raw())}"
    spki = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; k=rsa; p={_base64(spki)}"


def publishes(record: str, key: SigningKey | bytes) -> bool:
    """True when a TXT value found in DNS publishes this key (RFC 6376 §3.6.1).

    Other tags and white space do not matter; a record of another service or of no key
    (``p=`` empty: revoked) is simply another.
    """
    ours, found = _tags(public_record(key)), _tags(record)
    return (
        found.get("v", "DKIM1") == "DKIM1"
        and found.get("k", "rsa") == ours["k"]
        and "".join(found.get("p", "").split()) == ours["p"]
    )


def _check_bits(bits: int) -> None:
    if not MIN_BITS <= bits <= MAX_BITS:
        raise BadKey(
            f"an RSA key of {bits} bits is not accepted by other servers;"
            f" use {_MADE_BITS} to {MAX_BITS}"
        )


def _public(der: bytes) -> rsa.RSAPublicKey | ed25519.Ed25519PublicKey:
    try:
        key = serialization.load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return SigningKey.load(der, made_here=True).private.public_key()
    if isinstance(key, ed25519.Ed25519PublicKey):
        return key
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadKey("DKIM signs with RSA or Ed25519 keys only; make one of these")
    _check_bits(key.key_size)
    return key


def _tags(record: str) -> dict[str, str]:
    """A tag list (RFC 6376 §3.2), as far as comparing needs it; the first of equal tags."""
    found: dict[str, str] = {}
    for part in record.split(";"):
        name, _, value = part.partition("=")
        found.setdefault(name.strip(), value.strip())
    return found


def _der(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode("ascii")
