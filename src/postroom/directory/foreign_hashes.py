"""Password hashes that other mail servers have made, as far as they can be tested here.

They are kept as ``{SCHEME}hash``, the way Dovecot writes them, and replaced by our own at the
first login that shows the password. What would cost too much to test is not taken. Those of
crypt(3) are tested by the system's library, where there is one.
"""

import base64
import binascii
import ctypes
import ctypes.util
import functools
import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2i, Argon2id

_DIGESTS: Final = {
    "SHA": "sha1",
    "SHA1": "sha1",
    "SHA256": "sha256",
    "SHA512": "sha512",
    "PLAIN-MD5": "md5",
    "LDAP-MD5": "md5",
}
_SALTED: Final = {"SSHA": "sha1", "SSHA256": "sha256", "SSHA512": "sha512", "SMD5": "md5"}
_HEXADECIMAL: Final = frozenset({"PLAIN-MD5"})  # where no encoding is named
_ARGON2: Final[dict[str, type[Argon2id] | type[Argon2i]]] = {
    "argon2id": Argon2id,
    "argon2i": Argon2i,
}
_PHC: Final = re.compile(
    r"\$(argon2id|argon2i)\$v=19\$m=(\d{1,7}),t=(\d{1,4}),p=(\d{1,2})"
    r"\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,172}"
)
_MAX_MEMORY: Final = 256 * 1024  # KiB
_MAX_WORK: Final = 1024 * 1024  # KiB times passes: about a second
_SCRAM: Final = re.compile(
    r"(\d{4,7}),([A-Za-z0-9+/=]{8,128}),([A-Za-z0-9+/=]{44}),[A-Za-z0-9+/=]{44}"
)
_SHAPE: Final = re.compile(r"\{([A-Z0-9\-]{2,20})(?:\.(B64|HEX|BASE64))?\}(.{1,1000})", re.DOTALL)
_CRYPT: Final = frozenset(
    {"CRYPT", "SHA512-CRYPT", "SHA256-CRYPT", "BLF-CRYPT", "MD5-CRYPT", "MD5"}
)
_SETTINGS: Final = re.compile(  # none of those costs more than about a second
    r"\$1\$[^$]{0,8}\$[./0-9A-Za-z]{22}"
    r"|\$[56]\$(?:rounds=\d{1,6}\$)?[^$]{0,16}\$[./0-9A-Za-z]{43,86}"
    r"|\$2[aby]\$(?:0[4-9]|1[0-4])\$[./0-9A-Za-z]{53}"
    r"|\$y\$j[0-9A-D]T\$[./0-9A-Za-z]{0,86}\$[./0-9A-Za-z]{43}"
)
_HMAIL: Final = re.compile(r"([0-9a-f]{6})([0-9a-f]{64})")
_PBKDF2: Final = re.compile(r"\$1\$([^$]{1,64})\$(\d{1,7})\$([0-9a-f]{40})")
_MAX_ROUNDS: Final = 1_000_000
_CRYPT_DATA: Final = 256 * 1024  # octets; more than any library's struct crypt_data


def taken(text: str) -> str:
    """The form in which a hash is kept; "" for one that can't be tested here."""
    match = _SHAPE.fullmatch(text)
    if match is None or _tester(match[1], match[2] or "", match[3]) is None:
        return ""
    return text


def matches(password: str, text: str) -> bool:
    """Whether a hash that was ``taken`` is that of the password."""
    match = _SHAPE.fullmatch(text)
    test = _tester(match[1], match[2] or "", match[3]) if match else None
    return test is not None and "\0" not in password and test(password.encode())


def _tester(scheme: str, encoding: str, rest: str) -> Callable[[bytes], bool] | None:
    """What tests a password against this hash; None for what is not understood."""
    if scheme in {"CRYPT", "ARGON2ID", "ARGON2I"} and (found := _PHC.fullmatch(rest)):
        return _argon2(found, rest)
    if scheme == "SCRAM-SHA-256" and (found := _SCRAM.fullmatch(rest)):
        return _scram(found)
    if scheme in _CRYPT:
        if _SETTINGS.fullmatch(rest) and _crypt() is not None:
            return lambda password: _matches_crypt(password, rest.encode())
        return None
    if scheme in _DIGESTS or scheme in _SALTED:
        return _digest(scheme, encoding, rest)
    if scheme == "PBKDF2" and (found := _PBKDF2.fullmatch(rest)):
        salt, rounds, wanted = found[1].encode(), int(found[2]), bytes.fromhex(found[3])
        if 0 < rounds <= _MAX_ROUNDS:
            return lambda password: hmac.compare_digest(
                hashlib.pbkdf2_hmac("sha1", password, salt, rounds), wanted
            )
    if scheme == "HMAIL-SHA256" and (found := _HMAIL.fullmatch(rest)):
        prefix, hexadecimal = found[1].encode(), found[2]
        return lambda password: hmac.compare_digest(
            hashlib.sha256(prefix + password).hexdigest(), hexadecimal
        )
    return None


def _argon2(found: re.Match[str], phc: str) -> Callable[[bytes], bool] | None:
    memory, passes, lanes = int(found[2]), int(found[3]), int(found[4])
    is_possible = passes > 0 and lanes > 0 and 8 * lanes <= memory
    if not is_possible or memory > _MAX_MEMORY or memory * passes > _MAX_WORK:
        return None
    kind = _ARGON2[found[1]]

    def test(password: bytes) -> bool:
        try:
            kind.verify_phc_encoded(password, phc)
        except (InvalidKey, ValueError):
            return False
        return True

    return test


def _scram(found: re.Match[str]) -> Callable[[bytes], bool] | None:
    """Rounds, salt, StoredKey, ServerKey (RFC 5803 in the words of Dovecot)."""
    rounds, salt, stored = int(found[1]), _decoded(found[2], ""), _decoded(found[3], "")
    if rounds > _MAX_ROUNDS or salt is None or stored is None:
        return None

    def test(password: bytes) -> bool:
        salted = hashlib.pbkdf2_hmac("sha256", password, salt, rounds)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        return hmac.compare_digest(hashlib.sha256(client_key).digest(), stored)

    return test


def _digest(scheme: str, encoding: str, rest: str) -> Callable[[bytes], bool] | None:
    name = _DIGESTS.get(scheme) or _SALTED[scheme]
    octets = _decoded(rest, encoding or ("HEX" if scheme in _HEXADECIMAL else ""))
    size = hashlib.new(name).digest_size
    if octets is None or len(octets) < size or (scheme in _DIGESTS and len(octets) != size):
        return None
    wanted, salt = octets[:size], octets[size:]
    return lambda password: hmac.compare_digest(hashlib.new(name, password + salt).digest(), wanted)


def _decoded(text: str, encoding: str) -> bytes | None:
    try:
        if encoding == "HEX":
            return bytes.fromhex(text)
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def _matches_crypt(password: bytes, wanted: bytes) -> bool:
    crypt = _crypt()
    if crypt is None:
        return False
    data = ctypes.create_string_buffer(_CRYPT_DATA)
    found: bytes | None = crypt(password, wanted, data)
    return found is not None and not found.startswith(b"*") and hmac.compare_digest(found, wanted)


@functools.cache
def _crypt() -> Callable[[bytes, bytes, object], bytes | None] | None:
    """crypt_r(3), where the system has it."""
    for name in (ctypes.util.find_library("crypt"), "libcrypt.so.1", "libcrypt.so.2", None):
        try:
            function = ctypes.CDLL(name).crypt_r
        except (OSError, AttributeError):
            continue
        function.restype = ctypes.c_char_p
        function.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
        return function
    return None
