"""Secrets in the database, sealed with a key that is not in it.

ChaCha20-Poly1305 (RFC 8439) under the key ``seal`` of ``data/secrets`` with a random
nonce: the database alone, or a copy of it, gives no password and no private key away. The
context is authenticated with it, so a sealed secret moved to another row does not open.
"""

import secrets as chance
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from postroom.errors import StorageFailed

_VERSION: Final = b"\x01"
_NONCE: Final = 12  # octets, RFC 8439 §2.8
_TAG: Final = 16


def seal(key: bytes, plain: bytes, context: bytes) -> bytes:
    """``plain`` for the database; ``key`` has 32 octets, ``context`` says what it is for."""
    nonce = chance.token_bytes(_NONCE)
    return _VERSION + nonce + ChaCha20Poly1305(key).encrypt(nonce, plain, context)


def open_sealed(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """What was sealed; raises StorageFailed for another key or context, or damage."""
    if not sealed.startswith(_VERSION) or len(sealed) < len(_VERSION) + _NONCE + _TAG:
        raise StorageFailed(detail=f"{_named(context)}: this is no sealed secret")
    nonce, rest = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, rest, context)
    except InvalidTag:
        raise StorageFailed(
            detail=f"{_named(context)}: it was sealed with another key than data/secrets/seal"
        ) from None


def _named(context: bytes) -> str:
    return context.decode(errors="replace")
