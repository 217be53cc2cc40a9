"""Passwords: preparing, hashing and testing them, and making app passwords.

A chosen password is kept as an Argon2id PHC string (RFC 9106) and as SCRAM-SHA-256 keys
(RFC 5802 §3, RFC 7677). Hashing runs in a pool of two threads; when 64 wait, the next is
refused with 454 4.7.0, and mail goes before them, so a flood of logins can't take the machine. An app password is
random, 100 bit; HMAC-SHA-256 with the install's pepper is enough for it.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import secrets as chance
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import msgspec
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from postroom import process
from postroom.directory import foreign_hashes
from postroom.errors import Invalid, Temporary
from postroom.protocol.sasl import prep

MAX_OCTETS: Final = 1024
SALT_SIZE: Final = 16

_LETTERS: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32
_GROUPS: Final = 5
_GROUP: Final = 4  # letters of 5 bits: 100 bits in all
_APP_SHAPE: Final = re.compile(f"[{_LETTERS}]{{{_GROUPS * _GROUP}}}")

T = TypeVar("T")


class Busy(Temporary):
    """Too many passwords wait to be tested (RFC 4954 §6)."""

    code = 454
    status = "4.7.0"
    text = "Too many logins at once, please try again later"


class Costs(msgspec.Struct, frozen=True):
    """What one test costs: memory in KiB and passes of Argon2id, rounds of SCRAM.

    The defaults are the least that OWASP recommends for Argon2id; RFC 7677 §4 asks for
    at least 4096 rounds.
    """

    memory: int = 19 * 1024
    passes: int = 2
    rounds: int = 10_000
    slots: int = 2
    queue: int = 256


class ScramPair(msgspec.Struct, frozen=True):
    """StoredKey and ServerKey of one password."""

    stored_key: bytes
    server_key: bytes


def prepare(password: str) -> str:
    """The one form of a password (SASLprep); raises Invalid for what can't be typed as one."""
    prepared = prep.mapped(password)
    if not prepared:
        raise Invalid("the password is empty")
    if len(prepared.encode(errors="surrogatepass")) > MAX_OCTETS:
        raise Invalid(f"the password is longer than {MAX_OCTETS} octets")
    if any(map(prep.is_prohibited, prepared)):
        raise Invalid("the password holds a control character or one that can't be shown")
    return prepared


def new_salt() -> bytes:
    """A fresh SCRAM salt."""
    return chance.token_bytes(SALT_SIZE)


def make_app_password() -> str:
    """A new random password in groups: ``x7kq-...``."""
    letters = "".join(chance.choice(_LETTERS) for _ in range(_GROUPS * _GROUP))
    return "-".join(letters[at : at + _GROUP] for at in range(0, len(letters), _GROUP))


def app_letters(password: str) -> bytes | None:
    """The letters of what looks like an app password, however it is grouped; or None."""
    letters = password.replace("-", "").replace(" ", "").lower()
    return letters.encode() if _APP_SHAPE.fullmatch(letters) else None


def app_verifier(pepper: bytes, letters: bytes) -> bytes:
    """What is kept of an app password."""
    return hmac.digest(pepper, b"app password\0" + letters, "sha256")


def scram_pair(password: str, salt: bytes, rounds: int) -> ScramPair:
    """RFC 5802 §3: what a server keeps of a prepared password."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return ScramPair(
        hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
    )


def unknown_salt(key: bytes, login: str) -> bytes:
    """The SCRAM salt of a user that does not exist: always the same one."""
    return hmac.digest(key, b"scram salt\0" + login.encode(), "sha256")[:SALT_SIZE]


class Hasher:
    """Argon2id, two at a time."""

    def __init__(self, costs: Costs) -> None:
        """No thread starts before the first password."""
        self._costs = costs
        self._pool = ThreadPoolExecutor(
            costs.slots, thread_name_prefix="password", initializer=process.yielding
        )
        self._inside = 0
        self._prefix = f"$argon2id$v=19$m={costs.memory},t={costs.passes},p=1$"
        # Nobody's hash: random, so nothing matches it, and it costs what a real one costs.
        self.dummy = self._prefix + _base64(SALT_SIZE) + "$" + _base64(32)

    async def hash(self, password: str) -> str:
        """The PHC string of a prepared password."""
        return await self._run(lambda: self._hash(password))

    async def verify(self, password: str, phc: str) -> bool:
        """True when the prepared password is the one of ``phc``, or of a hash of others."""
        if phc.startswith("{"):
            return await self._run(lambda: self._matches_foreign(password, phc))
        return await self._run(lambda: _matches(password, phc))

    async def keys(self, password: str, salt: bytes, rounds: int) -> ScramPair:
        """``scram_pair`` off the loop."""
        return await self._run(lambda: scram_pair(password, salt, rounds))

    def is_outdated(self, phc: str) -> bool:
        """True when ``phc`` was made at other costs than are set now, or by others."""
        return not phc.startswith(self._prefix)

    def close(self) -> None:
        """Wait for the threads to end."""
        self._pool.shutdown(cancel_futures=True)

    def _matches_foreign(self, password: str, kept: str) -> bool:
        """As much work as for a hash of ours, and more: nobody learns whose hashes are whose."""
        _matches(password, self.dummy)
        return foreign_hashes.matches(password, kept)

    def _hash(self, password: str) -> str:
        kdf = Argon2id(
            salt=chance.token_bytes(SALT_SIZE),
            length=32,
            iterations=self._costs.passes,
            lanes=1,
            memory_cost=self._costs.memory,
        )
        return kdf.derive_phc_encoded(password.encode())

    async def _run(self, work: Callable[[], T]) -> T:
        if self._inside >= self._costs.slots + self._costs.queue:
            raise Busy
        self._inside += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._inside -= 1


def _matches(password: str, phc: str) -> bool:
    try:
        Argon2id.verify_phc_encoded(password.encode(), phc)
    except InvalidKey:
        return False
    return True


def _base64(size: int) -> str:
    return base64.b64encode(chance.token_bytes(size)).rstrip(b"=").decode()
