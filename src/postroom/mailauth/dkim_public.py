"""Published keys: the TXT record of a selector, and signatures held against it.

RFC 6376 §3.6.1, §6.1.2; RFC 8301 §3.2 (RSA of 1,024 bits and more); RFC 8463 (Ed25519).
"""

import base64
import binascii
import functools
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa, utils

from postroom.mailauth.dkim_signature import Algorithm
from postroom.mailauth.tags import BadTags, compact, parse

MIN_BITS: Final = 1024
MAX_RECORD: Final = 4096  # octets; a key of MAX_BITS takes 1,500
MAX_BITS: Final = 8192  # a larger one costs more than a message is worth
_ED25519_BITS: Final = 256
_PADDING: Final = padding.PKCS1v15()
_HASHED: Final = utils.Prehashed(hashes.SHA256())


class BadRecord(ValueError):
    """The record holds no key that could be used; the message says why."""


class PublicKey(msgspec.Struct, frozen=True):
    """A key and its rules. ``is_strict``: i= must be d= itself; ``is_test``: t=y."""

    kind: Literal["rsa", "ed25519"]
    key: rsa.RSAPublicKey | ed25519.Ed25519PublicKey
    bits: int
    is_strict: bool
    is_test: bool

    def fits(self, algorithm: Algorithm) -> bool:
        """Whether the key is one for this algorithm."""
        return algorithm.startswith(self.kind)

    def verifies(self, digest: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is of this SHA-256 digest."""
        try:
            if isinstance(self.key, ed25519.Ed25519PublicKey):
                self.key.verify(signature, digest)
            else:
                self.key.verify(signature, digest, _PADDING, _HASHED)
        except InvalidSignature:
            return False
        return True


def read(record: bytes) -> PublicKey:
    """Read a key record; raises BadRecord. Good ones are remembered."""
    if len(record) > MAX_RECORD:
        raise BadRecord(f"the key record is longer than {MAX_RECORD} octets")
    return _remembered(record)


@functools.lru_cache(maxsize=1024)
def _remembered(record: bytes) -> PublicKey:
    try:
        tags = parse(record)
    except BadTags as error:
        raise BadRecord(f"the key record: {error}") from None
    if tags.get("v", "DKIM1") != "DKIM1" or ("v" in tags and next(iter(tags)) != "v"):
        raise BadRecord("the key record is not of DKIM1")
    if "sha256" not in _list(tags, "h", "sha256"):
        raise BadRecord("the key is not for SHA-256")
    if not {"*", "email"} & set(_list(tags, "s", "*")):
        raise BadRecord("the key is not for mail")
    if "p" not in tags:
        raise BadRecord("the key record has no key")
    octets = _octets(compact(tags["p"]))
    flags = _list(tags, "t", "")
    is_strict, is_test = "s" in flags, "y" in flags
    match compact(tags.get("k", "rsa")).lower():
        case "rsa":
            rsa_key = _rsa(octets)
            return PublicKey("rsa", rsa_key, rsa_key.key_size, is_strict, is_test)
        case "ed25519":
            try:
                ed_key = ed25519.Ed25519PublicKey.from_public_bytes(octets)
            except ValueError:
                raise BadRecord("the key is no Ed25519 key") from None
            return PublicKey("ed25519", ed_key, _ED25519_BITS, is_strict, is_test)
        case kind:
            raise BadRecord(f"keys of the kind {kind[:20]!r} are not known")


def _octets(text: str) -> bytes:
    if not text:
        raise BadRecord("the key was revoked")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRecord("the key is no base64") from None


def _rsa(octets: bytes) -> rsa.RSAPublicKey:
    try:
        key = serialization.load_der_public_key(octets)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadRecord("the key is no RSA key") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise BadRecord("the key is no RSA key")
    if not MIN_BITS <= key.key_size <= MAX_BITS:
        raise BadRecord(f"a key of {key.key_size} bits does not count")
    return key


def _list(tags: dict[str, str], name: str, default: str) -> list[str]:
    return compact(tags.get(name, default)).lower().split(":")
