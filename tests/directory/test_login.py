import asyncio
import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path

import pytest

from postroom.address import Address
from postroom.db.database import Tx
from postroom.directory import accounts, credentials
from postroom.directory.directory import Directory
from postroom.directory.login import MAX_REMEMBERED, OUTSIDE, REMEMBERED_MS, TOUCH_MS, Identity
from postroom.directory.passwords import Costs, Hasher
from postroom.errors import NotFound, StorageFull, Temporary
from tests.conftest import Opener
from tests.directory.town import QUICK, Town, Towns, at, towns


async def login(town: Town, name: str, password: str, scope: str = "imap") -> Identity | None:
    return await town.directory.password(name, password, scope)


class Watched(Hasher):
    """Counts the Argon2id work that is done."""

    def __init__(self) -> None:
        super().__init__(QUICK)
        self.tests: list[str] = []

    async def verify(self, password: str, phc: str) -> bool:
        self.tests.append(phc)
        return await super().verify(password, phc)


def watch(town: Town) -> Watched:
    watched = Watched()
    town.directory.hasher.close()
    town.directory.hasher = town.directory._logins._hasher = watched
    return watched


def test_the_right_password_is_an_identity(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.domain("alias.test", alias_of="demo.test")
            alice = await t.account("Alice@demo.test", password="Secret", name="A", is_admin=True)
            await t.further("alice@demo.test", "al@demo.test")
            for name in ("alice@demo.test", "ALICE@DEMO.TEST", "al@demo.test", "alice@alias.test"):
                found = await login(t, name, "Secret")
                assert found is not None
                assert (found.account_id, found.address, found.name, found.is_admin) == (
                    alice.id,
                    "Alice@demo.test",
                    "A",
                    True,
                )

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice@demo.test", "secret"),
        ("alice@demo.test", ""),
        ("alice@demo.test", "Secret\0"),
        ("alice@demo.test", "\ud800"),
        ("bob@demo.test", "Secret"),
        ("alice@other.test", "Secret"),
        ("alice", "Secret"),
        ("", ""),
        ("' OR 1=1--", "Secret"),
        ("*)(uid=*", "Secret"),
        ("alice@demo.test\0", "Secret"),
        ("\ud800@demo.test", "Secret"),
        ("off@demo.test", "Secret"),
        ("gone@demo.test", "Secret"),
        ("postmaster@demo.test", ""),
        ("alice+x@demo.test", "Secret"),
    ],
)
def test_everything_else_is_nobody_after_the_same_work(
    town: Towns, name: str, password: str
) -> None:
    """A2, R10: one Argon2id test whether the name is known or not."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            for local in ("alice", "off", "gone"):
                await t.account(f"{local}@demo.test", password="Secret")
            await t.disable("off@demo.test")
            await t.remove("gone@demo.test")
            await t.receivers("postmaster@demo.test")  # makes the holding account
            hasher = watch(t)
            assert await login(t, name, password) is None
            assert len(hasher.tests) == 1
            assert (await t.directory.look(lambda tx: tx.one("SELECT count(*) FROM account"))) == (
                4,
            )

    asyncio.run(run())


def test_an_account_without_a_password_costs_the_same(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test")
            hasher = watch(t)
            assert await login(t, "alice@demo.test", "secret") is None
            assert hasher.tests == [hasher.dummy]

    asyncio.run(run())


def test_a_success_is_remembered_for_five_minutes(town: Towns) -> None:
    """D11."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            hasher = watch(t)
            for _ in range(3):
                assert await login(t, "alice@demo.test", "secret") is not None
            assert len(hasher.tests) == 1
            assert await login(t, "alice@demo.test", "secret", "smtp") is not None
            assert len(hasher.tests) == 2  # the scope belongs to what is remembered
            assert await login(t, "alice@demo.test", "other") is None
            assert await login(t, "alice@demo.test", "other") is None
            assert len(hasher.tests) == 4  # a failure is not remembered
            t.clock.advance(REMEMBERED_MS)
            assert await login(t, "alice@demo.test", "secret") is not None
            assert len(hasher.tests) == 5
            t.clock.advance(-2 * REMEMBERED_MS)  # the clock was wrong
            assert await login(t, "alice@demo.test", "secret") is not None
            assert len(hasher.tests) == 6

    asyncio.run(run())


def test_what_is_remembered_is_bounded(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            logins = t.directory._logins
            (chosen,) = await t.directory.look(
                lambda tx: credentials.of(tx, accounts.require(tx, at("alice@demo.test")).id)
            )
            for number in range(MAX_REMEMBERED + 5):
                logins._remember(str(number).encode(), chosen)
            assert len(logins._remembered) == MAX_REMEMBERED
            assert b"0" not in logins._remembered

    asyncio.run(run())


Change = Callable[[Town], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.password("alice@demo.test", "other"),
        lambda t: t.disable("alice@demo.test"),
        lambda t: t.remove("alice@demo.test"),
    ],
    ids=["password", "disable", "remove"],
)
def test_a_change_ends_remembered_logins_at_once_everywhere(town: Towns, change: Change) -> None:
    """A4: in this process and in others, without any hint."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            other = t.another()
            try:
                for directory in (t.directory, other):
                    assert await directory.password("alice@demo.test", "secret", "imap")
                await change(t)  # type: ignore[misc]
                for directory in (t.directory, other):
                    assert await directory.password("alice@demo.test", "secret", "imap") is None
            finally:
                other.close()

    asyncio.run(run())


def test_the_right_password_opens_a_remembered_login_of_nobody_else(town: Towns) -> None:
    """A4: cache keys must not be mixed up (CVE-2025-30189)."""

    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            await t.account("bob@demo.test", password="other")
            assert await login(t, "alice@demo.test", "secret") is not None
            assert await login(t, "bob@demo.test", "secret") is None
            assert await login(t, "alice@demo.tes", "tsecret") is None

    asyncio.run(run())


def test_app_passwords_open_their_doors_only_and_cost_no_argon2(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            await t.account("bob@demo.test", password="secret")
            app = await t.app_password("alice@demo.test", "phone", frozenset({"imap", "smtp"}))
            hasher = watch(t)
            for typed in (app, app.upper(), app.replace("-", " "), app.replace("-", "")):
                assert await login(t, "alice@demo.test", typed) is not None
            assert await login(t, "alice@demo.test", app, "smtp") is not None
            assert hasher.tests == []
            for scope in ("pop3", "sieve", "web"):
                assert await login(t, "alice@demo.test", app, scope) is None
            assert await login(t, "bob@demo.test", app) is None
            assert len(hasher.tests) == 4
            await t.disable("alice@demo.test")
            assert await login(t, "alice@demo.test", app) is None

    asyncio.run(run())


def test_a_chosen_password_may_look_like_an_app_password(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            typed = "abcd-efgh-jkmn-pqrs-tvwx"
            await t.account("alice@demo.test", password=typed)
            assert await login(t, "alice@demo.test", typed) is not None
            assert await login(t, "alice@demo.test", typed.upper()) is None

    asyncio.run(run())


def test_a_password_hashed_at_other_costs_is_hashed_again(database: Opener, data: Path) -> None:
    """L4: rehash on login."""

    async def run() -> None:
        async with towns(database, data)() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            stronger = t.another(Costs(memory=16, passes=1, rounds=2))

            async def verifier() -> bytes:
                account = accounts.require
                (chosen,) = await t.directory.look(
                    lambda tx: credentials.of(tx, account(tx, at("alice@demo.test")).id)
                )
                return chosen.verifier

            try:
                assert await stronger.password("alice@demo.test", "secret", "imap") is not None
                assert (await verifier()).startswith(b"$argon2id$v=19$m=16,")
                assert await login(t, "alice@demo.test", "secret") is not None
            finally:
                stronger.close()

    asyncio.run(run())


def test_scram_keys_prove_the_password_without_sending_it(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test", password="secret")
            app = await t.app_password("alice@demo.test", "phone", frozenset({"smtp"}))
            keys = await t.directory.scram("Alice@demo.test", "smtp")
            assert keys.account_id == alice.id
            assert len(keys.candidates) == 2
            for password in ("secret", app):
                salted = hashlib.pbkdf2_hmac(
                    "sha256", password.encode(), keys.salt, keys.iterations
                )
                stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
                (candidate,) = [one for one in keys.candidates if one.stored_key == stored]
                identity = await t.directory.identity(alice.id, candidate.credential_id)
                assert identity.address == "alice@demo.test"
                assert identity.credential_id == candidate.credential_id
            assert len((await t.directory.scram("alice@demo.test", "imap")).candidates) == 1

    asyncio.run(run())


def test_an_unknown_user_looks_like_any_other_to_scram(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("off@demo.test", password="secret")
            real = await t.directory.scram("off@demo.test", "imap")
            await t.disable("off@demo.test")
            off = await t.directory.scram("off@demo.test", "imap")
            assert (off.salt, off.candidates) == (real.salt, ())
            for name in ("nobody@demo.test", "nobody", "", "\0"):
                keys = await t.directory.scram(name, "imap")
                assert keys == await t.directory.scram(name.upper(), "imap")
                assert (len(keys.salt), keys.candidates) == (16, ())
                assert keys.account_id == 0
            one = await t.directory.scram("nobody@demo.test", "imap")
            assert one.salt != (await t.directory.scram("another@demo.test", "imap")).salt

    asyncio.run(run())


def test_an_identity_ends_with_its_credential(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test", password="secret")
            keys = await t.directory.scram("alice@demo.test", "imap")
            ident = keys.candidates[0].credential_id
            await t.password("alice@demo.test", "other")
            with pytest.raises(NotFound):
                await t.directory.identity(alice.id, ident)
            with pytest.raises(NotFound):
                await t.directory.identity(1, 1)
            keys = await t.directory.scram("alice@demo.test", "imap")
            await t.disable("alice@demo.test")
            with pytest.raises(NotFound):
                await t.directory.identity(alice.id, keys.candidates[0].credential_id)

    asyncio.run(run())


def test_last_used_is_written_once_an_hour(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            alice = await t.account("alice@demo.test", password="secret")

            async def last_used() -> int | None:
                (chosen,) = await t.directory.look(lambda tx: credentials.of(tx, alice.id))
                return chosen.last_used

            assert await last_used() is None
            first = t.clock()
            for _ in range(2):
                await login(t, "alice@demo.test", "secret")
                assert await last_used() == first
                t.clock.advance(TOUCH_MS - 1)
            t.clock.advance(TOUCH_MS)
            await login(t, "alice@demo.test", "secret")
            assert await last_used() == t.clock()

    asyncio.run(run())


def test_a_full_disk_locks_nobody_out(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="secret")
            real = t.directory._logins._db

            class Full:
                async def read(self, fn: Callable[[Tx], object]) -> object:
                    return await real.read(fn)

                async def write(self, fn: Callable[[Tx], object]) -> object:
                    raise StorageFull

            t.directory._logins._db = Full()  # type: ignore[assignment]
            assert await login(t, "alice@demo.test", "secret") is not None

    asyncio.run(run())


def test_those_who_wait_for_the_same_test_share_it(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="Secret")
            watched = watch(t)
            logins = t.directory._logins
            ring = await logins._keyring("alice@demo.test")
            for number, password in enumerate(("Secret", "Wrong"), 1):
                waiting = [logins._tested(b"digest", ring, "", password, "imap") for _ in range(20)]
                found = await asyncio.gather(*waiting)
                assert all(found) if password == "Secret" else not any(found)
                assert len(watched.tests) == number
            both = [logins._tested(digest, ring, "", "Wrong", "imap") for digest in (b"1", b"2")]
            assert not any(await asyncio.gather(*both))
            assert len(watched.tests) == 4
            assert not logins._tests

    asyncio.run(run())


def test_one_that_goes_away_takes_nobody_along(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            await t.domain("demo.test")
            await t.account("alice@demo.test", password="Secret")
            logins = t.directory._logins
            ring = await logins._keyring("alice@demo.test")
            impatient, patient = [
                asyncio.ensure_future(logins._tested(b"digest", ring, "", "Secret", "imap"))
                for _ in range(2)
            ]
            await asyncio.sleep(0)
            impatient.cancel()
            assert await patient is not None
            assert impatient.cancelled()

    asyncio.run(run())


class Elsewhere:
    """Somebody else who knows passwords."""

    def __init__(self) -> None:
        self.known = {"ann@demo.test": "theirs-1"}
        self.asked: list[str] = []
        self.is_down = False

    def serves(self, domain: str) -> bool:
        return domain == "demo.test"

    async def verify(self, address: Address, password: str) -> bool:
        self.asked.append(str(address))
        if self.is_down:
            raise Temporary(code=454)
        return self.known.get(str(address)) == password


def test_who_has_no_password_here_has_one_elsewhere(town: Towns) -> None:
    async def run() -> None:
        async with town() as t:
            for name in ("demo.test", "other.test"):
                await t.domain(name)
                await t.account(f"ann@{name}")
            await t.account("own@demo.test")
            await t.password("own@demo.test", "a-Good-one-1")
            elsewhere = Elsewhere()
            directory = Directory(
                t.db, t.ids, t.clock, t.directory.secrets, costs=QUICK, outside=elsewhere
            )

            async def logs_in(login: str, password: str, scope: str = "imap") -> bool:
                return await directory.password(login, password, scope) is not None

            ann = await directory.password("ann@demo.test", "theirs-1", "web")
            assert ann is not None
            assert (ann.address, ann.credential_id) == ("ann@demo.test", OUTSIDE.id)
            assert await directory.identity(ann.account_id, ann.credential_id) == ann
            assert await directory.is_outside(ann.account_id)
            elsewhere.asked.clear()
            assert await logs_in("ANN@demo.test", "theirs-1")
            assert await logs_in("ANN@demo.test", "theirs-1")
            assert elsewhere.asked == ["ann@demo.test"]  # what was right is remembered
            assert not await logs_in("ann@demo.test", "wrong")
            assert not await logs_in("ann@demo.test", "wrong")
            assert elsewhere.asked == ["ann@demo.test"] * 3
            # Nobody here is asked about all the same, so that an answer takes as long.
            assert not await logs_in("nobody@demo.test", "theirs-1")
            assert elsewhere.asked[-1] == "nobody@demo.test"
            asked = len(elsewhere.asked)
            assert not await logs_in("ann@other.test", "theirs-1")
            assert await logs_in("own@demo.test", "a-Good-one-1")
            assert not await logs_in("own@demo.test", "theirs-1")
            assert len(elsewhere.asked) == asked
            device = await t.app_password("ann@demo.test")
            assert await logs_in("ann@demo.test", device)
            elsewhere.is_down = True
            assert await logs_in("ann@demo.test", device)
            with pytest.raises(Temporary):
                await logs_in("ann@demo.test", "another")
            await t.password("ann@demo.test", "a-Good-one-1")
            assert await logs_in("ann@demo.test", "a-Good-one-1")
            assert not await logs_in("ann@demo.test", "theirs-1")
            assert not await directory.is_outside(ann.account_id)
            with pytest.raises(NotFound):
                await directory.identity(ann.account_id, ann.credential_id)
            directory.close()

    asyncio.run(run())
