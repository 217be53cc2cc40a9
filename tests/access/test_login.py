"""Login for every door (A1, A2, R9)."""

import asyncio
import contextlib

import msgspec
import pytest

from postroom.access.guard import FAILURES_TO_BAN
from postroom.access.login import (
    MAX_WAITING,
    MAX_WAITING_OF_NETWORK,
    UNTESTED_DELAY,
    Login,
    LoginDelayed,
    LoginRefused,
    reply_of,
)
from postroom.directory.login import Identity, ScramKeys
from postroom.errors import MailboxFull, NotFound
from postroom.policy.logins import Logins
from tests.fakes import Clock


class Peer(msgspec.Struct, frozen=True):
    address: str = "192.0.2.1"
    session: str = "s1"
    door: str = "imap"


NAMES = ("alice@example.org", "al@example.org")


class People:
    """A directory of one; counts the passwords it tests, and may hold them up."""

    def __init__(self) -> None:
        self.tested = 0
        self.scope = "imap"
        self.gate = asyncio.Event()
        self.gate.set()

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        self.tested += 1
        await self.gate.wait()
        if (login, password, scope) == ("alice@example.org", "secret", self.scope):
            return Identity(1, "alice@example.org", "Alice", False, 5)
        return None

    async def scram(self, login: str, scope: str) -> ScramKeys:
        return ScramKeys(0, b"salt", 4096, ())

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        if credential_id != 5:
            raise NotFound("gone")
        return Identity(account_id, "alice@example.org", "Alice", False, credential_id)

    async def known(self, address: str) -> Identity | None:
        return await self.identity(1, 5) if address in NAMES else None


class House:
    def __init__(self) -> None:
        self.clock = Clock()
        self.people = People()
        self.slept: list[float] = []
        self.logins = Logins()
        self.login = Login(self.people, self.clock, self.sleep, logins=self.logins)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @property
    def noted(self) -> list[tuple[int, str, str, str, int]]:
        """What of their history is to be written."""
        return [
            (one.account_id, one.login, one.outcome, one.means, counted.times)
            for one, counted in self.logins.changed.items()
        ]

    async def attempt(
        self, login: str = "alice@example.org", password: str = "secret", authzid: str = "",
        peer: Peer = Peer(),  # noqa: B008
    ) -> Identity:  # fmt: skip
        return await self.login.password(login, password, authzid, scope="imap", peer=peer)


def test_the_right_password() -> None:
    async def run() -> None:
        house = House()
        assert (await house.attempt()).account_id == 1
        assert (await house.attempt(authzid="Alice@Example.org")).account_id == 1
        assert house.slept == []

    asyncio.run(run())


def test_nobody_acts_for_others() -> None:
    async def run() -> None:
        house = House()
        with pytest.raises(LoginRefused):
            await house.attempt(authzid="bob@example.org")

    asyncio.run(run())


def test_known_and_unknown_names_fail_alike() -> None:
    async def run() -> None:
        house = House()
        errors = []
        for name in ("alice@example.org", "nobody@example.org"):
            with pytest.raises(LoginRefused) as caught:
                await house.attempt(name, "wrong", peer=Peer(f"192.0.2.{len(name)}"))
            errors.append(str(caught.value))
        assert errors[0] == errors[1] == "535 5.7.8 Authentication credentials invalid"
        assert house.people.tested == 2
        assert house.slept == [0.25, 0.25]

    asyncio.run(run())


def test_ten_thousand_guesses_from_one_address() -> None:
    """A1: few are tested a minute, and the real user still gets in."""

    async def run() -> None:
        house = House()
        await house.attempt(peer=Peer("198.51.100.7"))
        before = house.people.tested
        for _ in range(1000):
            with pytest.raises((LoginRefused, LoginDelayed)):
                await house.attempt(password="guess")
            house.clock.advance(60)
        assert house.people.tested - before <= 20
        assert (await house.attempt(peer=Peer("198.51.100.7"))).account_id == 1
        assert house.login.unwelcome("192.0.2.1")
        assert UNTESTED_DELAY in house.slept

    asyncio.run(run())


def test_waiting_passwords_are_bounded() -> None:
    async def run() -> None:
        house = House()
        house.people.gate.clear()
        networks = [f"192.0.2.{number % 3}" for number in range(3 * MAX_WAITING_OF_NETWORK + 20)]
        networks += ["127.0.0.1"] * MAX_WAITING  # this machine is bound by the total only
        tasks = [asyncio.ensure_future(house.attempt(peer=Peer(network))) for network in networks]
        await asyncio.sleep(0)
        house.people.gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        tested = [
            n for n, result in zip(networks, results, strict=True) if type(result) is Identity
        ]
        assert [tested.count(f"192.0.2.{number}") for number in range(3)] == (
            [MAX_WAITING_OF_NETWORK] * 3
        )
        assert len(tested) == MAX_WAITING
        assert sum(isinstance(result, LoginDelayed) for result in results) == (
            len(networks) - MAX_WAITING
        )
        assert house.slept == [UNTESTED_DELAY] * (len(networks) - MAX_WAITING)
        assert (await house.attempt()).account_id == 1

    asyncio.run(run())


def test_who_is_banned_waits_for_every_answer() -> None:
    async def run() -> None:
        house = House()
        for _ in range(FAILURES_TO_BAN):
            with pytest.raises(LoginRefused):
                await house.attempt(password="guess")
        house.slept.clear()
        with pytest.raises(LoginDelayed):
            await house.attempt()
        with pytest.raises(LoginDelayed):
            await house.login.scram("alice@example.org", scope="imap", peer=Peer())
        with pytest.raises(LoginDelayed):
            await house.login.external("", ["alice@example.org"], peer=Peer())
        assert house.slept == [UNTESTED_DELAY] * 3

    asyncio.run(run())


def test_scram() -> None:
    async def run() -> None:
        house = House()
        keys = await house.login.scram("alice@example.org", scope="imap", peer=Peer())
        assert keys.iterations == 4096
        granted = await house.login.granted("alice@example.org", 1, 5, peer=Peer())
        assert granted.account_id == 1
        with pytest.raises(LoginRefused):
            await house.login.granted("alice@example.org", 1, 6, peer=Peer())
        for _ in range(30):
            await house.login.failed("x", peer=Peer("192.0.2.9"), mechanism="SCRAM", reason="proof")
        with pytest.raises(LoginDelayed):
            await house.login.scram("x", scope="imap", peer=Peer("192.0.2.9"))

    asyncio.run(run())


def test_only_two_answers_go_out() -> None:
    assert isinstance(reply_of(MailboxFull()), LoginDelayed)
    refused = LoginRefused()
    assert reply_of(refused) is refused


class Issuer:
    async def address_of(self, token: str) -> str | None:
        return token or None


def test_what_is_offered_where() -> None:
    plain = Login(People(), Clock())
    assert plain.mechanisms() == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert plain.mechanisms(["alice@example.org"])[-1] == "EXTERNAL"
    with_tokens = Login(People(), Clock(), tokens=Issuer())
    assert with_tokens.mechanisms()[-2:] == ("OAUTHBEARER", "XOAUTH2")


def test_tokens_and_certificates_prove_one_account() -> None:
    async def run() -> None:
        login = Login(People(), Clock(), tokens=Issuer())
        for wanted in ("", *NAMES):
            found = await login.token(wanted, "alice@example.org", peer=Peer())
            assert found is not None
            found = await login.external(wanted, ["x@example.org", NAMES[1]], peer=Peer())
            assert found is not None
        assert await login.token("eve@example.org", "alice@example.org", peer=Peer()) is None
        assert await login.token("", "eve@example.org", peer=Peer()) is None
        assert await login.external("eve@example.org", NAMES, peer=Peer()) is None
        assert await Login(People(), Clock()).token("", "alice@example.org", peer=Peer()) is None

    asyncio.run(run())


def test_who_is_in_and_who_is_not_is_noted() -> None:
    async def run() -> None:
        house = House()
        for password in ("secret", "wrong", "secret"):
            with contextlib.suppress(LoginRefused):
                await house.attempt(password=password)
        await house.login.granted("al@example.org", 1, 5, peer=Peer(door="submission"))
        with pytest.raises(LoginRefused):
            await house.login.granted("Al@example.org", 1, 6, peer=Peer())
        assert house.noted == [
            (1, "", "in", "password", 2),
            (0, "alice@example.org", "refused", "password", 1),
            (1, "", "in", "password", 1),
            (0, "al@example.org", "refused", "password", 1),
        ]

    asyncio.run(run())


def test_what_is_not_even_tested_is_noted_too() -> None:
    async def run() -> None:
        house = House()
        for _ in range(FAILURES_TO_BAN):
            with pytest.raises(LoginRefused):
                await house.attempt(password="wrong")
        with pytest.raises(LoginDelayed):
            await house.attempt()
        assert house.noted == [
            (0, "alice@example.org", "refused", "password", FAILURES_TO_BAN),
            (0, "alice@example.org", "untested", "password", 1),
        ]

    asyncio.run(run())


def test_a_right_password_in_the_browser_is_not_yet_a_login() -> None:
    async def run() -> None:
        house = House()
        house.people.scope = "web"
        await house.login.password("alice@example.org", "secret", scope="web", peer=Peer())
        assert house.noted == []

    asyncio.run(run())
