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
from typing import Final

import msgspec

from postroom.address import Address, AddressError
from postroom.db.database import Database
from postroom.directory import credentials
from postroom.directory.credentials import Credential, Keyring
from postroom.directory.passwords import (
    Costs,
    Hasher,
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
    ) -> None:
        """``clock`` is UTC milliseconds."""
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
            credential = await self._tested(digest, ring, password, scope)
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
            for credential in ring.credentials:
                if credential.id == credential_id:
                    return await self._granted(ring, credential)
        raise NotFound("the account or its password is gone")

    async def identity_of(self, account_id: int) -> Identity:
        """Who has this account, proved by no credential of ours; NotFound when they may not."""
        ring = await self._db.read(lambda tx: credentials.keyring_of(tx, account_id))
        if ring is None or not ring.may_login:
            raise NotFound("the account is gone or disabled")
        return _identity(ring, 0)

    async def known(self, address: str) -> Identity | None:
        """Whose address this is, if that account may log in; proved by no credential of ours."""
        ring = await self._keyring(address)
        return _identity(ring, 0) if ring is not None and ring.may_login else None

    async def _keyring(self, login: str) -> Keyring | None:
        try:
            address = Address.parse(login)
        except AddressError:
            return None
        return await self._db.read(lambda tx: credentials.keyring(tx, address))

    async def _tested(
        self, digest: bytes, ring: Keyring | None, password: str, scope: str
    ) -> Credential | None:
        """One test for all who wait for the same: a program that comes back with ten connections."""
        test = self._tests.get(digest)
        if test is None:
            test = self._tests[digest] = asyncio.ensure_future(self._test(ring, password, scope))
            test.add_done_callback(lambda done: self._settle(digest, done))
        return await asyncio.shield(test)

    def _settle(self, digest: bytes, test: "asyncio.Future[Credential | None]") -> None:
        del self._tests[digest]
        if not test.cancelled() and test.exception() is None and (found := test.result()):
            self._remember(digest, found)

    async def _test(self, ring: Keyring | None, password: str, scope: str) -> Credential | None:
        """The same Argon2id work whether the name is known or not."""
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
        phc = chosen.verifier.decode("ascii") if chosen else self._hasher.dummy
        if not await self._hasher.verify(password, phc) or ring is None or chosen is None:
            return None
        if not ring.allows(chosen, scope):
            return None
        if self._hasher.is_outdated(phc):
            await self._hash_again(chosen, password)
        return chosen

    async def _hash_again(self, chosen: Credential, password: str) -> None:
        """The costs were changed since this password was set."""
        with suppress(MailError):
            new = (await self._hasher.hash(password)).encode()
            await self._db.write(
                lambda tx: credentials.set_verifier(tx, chosen.id, chosen.verifier, new)
            )

    async def _granted(self, ring: Keyring, credential: Credential) -> Identity:
        now = self._clock()
        last = max(credential.last_used or 0, self._touched.get(credential.id, 0))
        if now - last >= TOUCH_MS:
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
        if self._clock() >= until:
            del self._remembered[digest]
            return None
        return next((one for one in ring.credentials if one.id == ident), None)

    def _remember(self, digest: bytes, credential: Credential) -> None:
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]  # the oldest
        self._remembered[digest] = (credential.id, self._clock() + REMEMBERED_MS)


def _identity(ring: Keyring, credential_id: int) -> Identity:
    return Identity(
        account_id=ring.account_id,
        address=ring.address,
        name=ring.name,
        is_admin=ring.is_admin,
        credential_id=credential_id,
    )
