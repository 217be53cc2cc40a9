"""Who may log in: passwords and SCRAM keys of accounts, for every door.

An unknown name, a wrong password, a disabled account and a password of another scope are
one answer after the same work (a dummy hash where there is none). What was right once is
remembered for five minutes under HMAC(key, login, password, scope, account, revision);
the revision is read at every login, so a change counts at once in every process.

App passwords are tried first: testing one costs microseconds. ``last_used`` is written
at most once an hour, and a login never fails because of that write.
"""

import asyncio
import hmac
import secrets as chance
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

import msgspec

from postroom.address import Address, AddressError
from postroom.db.database import Database
from postroom.directory import credentials
from postroom.directory.credentials import Credential, Keyring
from postroom.directory.passwords import (
    Costs,
    Hasher,
    ScramPair,
    app_letters,
    app_verifier,
    prepare,
    unknown_salt,
)
from postroom.directory.secrets import Secrets
from postroom.errors import Invalid, MailError, NotFound

REMEMBERED_MS: Final = 5 * 60 * 1000
TOUCH_MS: Final = 3600 * 1000
MAX_REMEMBERED: Final = 10_000


class Outside(Protocol):
    """Whoever else knows passwords: ``net.ldap.Ldap``."""

    def serves(self, domain: str) -> bool:
        """Whether it knows those of accounts in this domain."""

    async def verify(self, address: Address, password: str) -> bool:
        """Whether it is that of who has this address; raises Temporary."""


OUTSIDE: Final = Credential(-1, "password", "", frozenset(), b"", ScramPair(b"", b""), 0, None)
"""What stands for a password that is known elsewhere."""


class Identity(msgspec.Struct, frozen=True):
    """Who logged in, and with which credential."""

    account_id: int
    address: str
    name: str
    is_admin: bool
    credential_id: int


class ScramKey(msgspec.Struct, frozen=True):
    """One credential that a SCRAM exchange may turn out to use."""

    credential_id: int
    stored_key: bytes
    server_key: bytes


class ScramKeys(msgspec.Struct, frozen=True):
    """What the server side of SCRAM needs. ``account_id`` is 0 for an unknown user."""

    account_id: int
    salt: bytes
    iterations: int
    candidates: tuple[ScramKey, ...]


class Logins:
    """Tests logins against the database."""

    def __init__(
        self,
        db: Database,
        clock: Callable[[], int],
        secrets: Secrets,
        hasher: Hasher,
        costs: Costs,
        outside: Outside | None = None,
    ) -> None:
        """``clock`` is UTC milliseconds. ``outside`` knows who has no chosen password here."""
        self._outside = outside
        self._db = db
        self._clock = clock
        self._secrets = secrets
        self._hasher = hasher
        self._costs = costs
        self._key = chance.token_bytes(32)
        self._remembered: dict[bytes, tuple[int, int]] = {}  # digest: credential, until
        self._tests: dict[bytes, asyncio.Future[Credential | None]] = {}
        self._touched: dict[int, int] = {}

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        """Who this is, or None. Raises Busy when too many passwords wait."""
        ring = await self._keyring(login)
        try:
            password = prepare(password)
        except Invalid:
            await self._hasher.verify("", self._hasher.dummy)
            return None
        digest = self._digest(login, password, scope, ring)
        credential = self._recall(digest, ring)
        if credential is None:
            credential = await self._tested(digest, ring, login, password, scope)
        if ring is None or credential is None or not ring.may_login:
            return None
        return await self._granted(ring, credential)

    async def scram(self, login: str, scope: str) -> ScramKeys:
        """The keys for a SCRAM exchange; unknown users get a salt and no candidates."""
        ring = await self._keyring(login)
        if ring is None:
            return ScramKeys(
                account_id=0,
                salt=unknown_salt(self._secrets.scram, login.casefold()),
                iterations=self._costs.rounds,
                candidates=(),
            )
        return ScramKeys(
            account_id=ring.account_id,
            salt=ring.scram.salt,
            iterations=ring.scram.iterations,
            candidates=tuple(
                ScramKey(one.id, one.scram.stored_key, one.scram.server_key)
                for one in ring.credentials
                if ring.may_login and ring.allows(one, scope)
            ),
        )

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        """Who it is that proved a credential; NotFound when that ended meanwhile."""
        ring = await self._db.read(lambda tx: credentials.keyring_of(tx, account_id))
        if ring is not None and ring.may_login:
            for credential in (*ring.credentials, *([OUTSIDE] if self._asks(ring) else [])):
                if credential.id == credential_id:
                    return await self._granted(ring, credential)
        raise NotFound("the account or its password is gone")

    async def identity_of(self, account_id: int) -> Identity:
        """Who has this account, proved by no credential of ours; NotFound when they may not."""
        ring = await self._db.read(lambda tx: credentials.keyring_of(tx, account_id))
        if ring is None or not ring.may_login:
            raise NotFound("the account is gone or disabled")
        return _identity(ring, 0)

    async def is_outside(self, account_id: int) -> bool:
        """Whether the password of an account is known elsewhere."""
        ring = await self._db.read(lambda tx: credentials.keyring_of(tx, account_id))
        return ring is not None and self._asks(ring)

    async def known(self, address: str) -> Identity | None:
        """Whose address this is, if that account may log in; proved by no credential of ours."""
        ring = await self._keyring(address)
        return _identity(ring, 0) if ring is not None and ring.may_login else None

    async def _keyring(self, login: str) -> Keyring | None:
        address = _parsed(login)
        if address is None:
            return None
        return await self._db.read(lambda tx: credentials.keyring(tx, address))

    async def _tested(
        self, digest: bytes, ring: Keyring | None, login: str, password: str, scope: str
    ) -> Credential | None:
        """One test for all who wait for the same: a program that comes back with ten connections."""
        test = self._tests.get(digest)
        if test is None:
            test = self._tests[digest] = asyncio.ensure_future(
                self._test(ring, login, password, scope)
            )
            test.add_done_callback(lambda done: self._settle(digest, done))
        return await asyncio.shield(test)

    def _settle(self, digest: bytes, test: "asyncio.Future[Credential | None]") -> None:
        del self._tests[digest]
        if not test.cancelled() and test.exception() is None and (found := test.result()):
            self._remember(digest, found)

    async def _test(
        self, ring: Keyring | None, login: str, password: str, scope: str
    ) -> Credential | None:
        """The same Argon2id work whether the name is known or not, or the same question outside."""
        mine = ring.credentials if ring else ()
        letters = app_letters(password)
        if letters is not None:
            verifier = app_verifier(self._secrets.pepper, letters)
            for one in mine:
                if (
                    one.kind == "app"
                    and hmac.compare_digest(one.verifier, verifier)
                    and one.allows(scope)
                ):
                    return one
        chosen = next((one for one in mine if one.kind == "password"), None)
        address = _parsed(ring.address if ring else login)
        if chosen is None and self._outside and address and self._serves(address):
            is_right = await self._outside.verify(address, password)
            is_theirs = is_right and ring is not None and ring.allows(OUTSIDE, scope)
            return OUTSIDE if is_theirs else None
        phc = chosen.verifier.decode("ascii") if chosen else self._hasher.dummy
        if not await self._hasher.verify(password, phc) or ring is None or chosen is None:
            return None
        if not ring.allows(chosen, scope):
            return None
        if self._hasher.is_outdated(phc):
            await self._hash_again(ring, chosen, password)
        return chosen

    def _serves(self, address: Address) -> bool:
        return self._outside is not None and self._outside.serves(address.domain.ascii)

    def _asks(self, ring: Keyring) -> bool:
        """Whether the password of an account is known outside."""
        address = _parsed(ring.address)
        has_own = any(one.kind == "password" for one in ring.credentials)
        return address is not None and not has_own and self._serves(address)

    async def _hash_again(self, ring: Keyring, chosen: Credential, password: str) -> None:
        """The costs were changed since this password was set, or it came from another server."""
        with suppress(MailError):
            new = (await self._hasher.hash(password)).encode()
            scram = await self._hasher.keys(password, ring.scram.salt, ring.scram.iterations)
            await self._db.write(
                lambda tx: credentials.set_verifier(tx, chosen.id, chosen.verifier, new, scram)
            )

    async def _granted(self, ring: Keyring, credential: Credential) -> Identity:
        now = self._clock()
        last = max(credential.last_used or 0, self._touched.get(credential.id, 0))
        if now - last >= TOUCH_MS and credential is not OUTSIDE:
            if len(self._touched) >= MAX_REMEMBERED:
                self._touched.clear()
            self._touched[credential.id] = now
            with suppress(MailError):  # a full disk must not lock anyone out
                await self._db.write(lambda tx: credentials.touch(tx, credential.id, now))
        return _identity(ring, credential.id)

    def _digest(self, login: str, password: str, scope: str, ring: Keyring | None) -> bytes:
        account = f"{ring.account_id} {ring.revision}" if ring else ""
        parts = [login.encode(errors="surrogatepass"), password.encode(), scope.encode()]
        framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return hmac.digest(self._key, framed + account.encode(), "sha256")

    def _recall(self, digest: bytes, ring: Keyring | None) -> Credential | None:
        ident, until = self._remembered.get(digest, (0, 0))
        if ring is None or not ident:
            return None
        if not until - REMEMBERED_MS <= self._clock() < until:  # also when the clock went back
            del self._remembered[digest]
            return None
        if ident == OUTSIDE.id:
            return OUTSIDE
        return next((one for one in ring.credentials if one.id == ident), None)

    def _remember(self, digest: bytes, credential: Credential) -> None:
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]  # the oldest
        self._remembered[digest] = (credential.id, self._clock() + REMEMBERED_MS)


def _parsed(login: str) -> Address | None:
    try:
        return Address.parse(login)
    except AddressError:
        return None


def _identity(ring: Keyring, credential_id: int) -> Identity:
    return Identity(
        account_id=ring.account_id,
        address=ring.address,
        name=ring.name,
        is_admin=ring.is_admin,
        credential_id=credential_id,
    )
