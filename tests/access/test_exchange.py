import asyncio
import base64
import hashlib
import hmac
from typing import Any

import pytest

from postroom.access.exchange import Exchange, MalformedResponse
from postroom.access.login import Login, LoginRefused
from postroom.directory.login import Identity, ScramKey, ScramKeys
from postroom.protocol.sasl.mechanisms import start
from postroom.telemetry.session_events import LoginFailed
from tests.fakes import Clock, Recorder

SALT, ROUNDS, PASSWORD = b"salt", 4096, "secret"
SALTED = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), SALT, ROUNDS)
CLIENT_KEY = hmac.digest(SALTED, b"Client Key", "sha256")
KEY = ScramKey(7, hashlib.sha256(CLIENT_KEY).digest(), hmac.digest(SALTED, b"Server Key", "sha256"))


class Peer:
    session, address, door = "s1", "192.0.2.1", "imap"


class People:
    """A directory of one."""

    async def password(self, login: str, password: str, scope: str) -> Identity | None:
        return await self.identity(1, 7) if (login, password) == ("alice", PASSWORD) else None

    async def scram(self, login: str, scope: str) -> ScramKeys:
        return ScramKeys(1, SALT, ROUNDS, (KEY,) if login == "alice" else ())

    async def identity(self, account_id: int, credential_id: int) -> Identity:
        return Identity(account_id, "alice@demo.test", "", False, credential_id)

    async def known(self, address: str) -> Identity | None:
        return await self.identity(1, 0) if address == "alice@demo.test" else None


async def no_wait(_seconds: float) -> None:
    return


class Issuer:
    """Knows one token of alice and one of somebody without an account."""

    async def address_of(self, token: str) -> str | None:
        return {"good": "alice@demo.test", "strange": "eve@else.test"}.get(token)


def exchange(name: str, *certified: str) -> Exchange:
    mechanism = start(name, nonce="servernonce")
    assert mechanism is not None
    login = Login(People(), Clock(), no_wait, tokens=Issuer())
    return Exchange(mechanism, login, scope="imap", peer=Peer(), certified=certified)


def proof(server_first: bytes, password: str = PASSWORD) -> bytes:
    """The client-final message of RFC 5802 §5."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, ROUNDS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    nonce = server_first.split(b",")[0][2:]
    without = b"c=biws,r=" + nonce
    signed = b"n=alice,r=abc," + server_first + b"," + without
    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
    mixed = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return without + b",p=" + base64.b64encode(mixed)


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_plain_gives_the_identity_at_once() -> None:
    identity = run(exchange("PLAIN").respond(b"\0alice\0secret"))
    assert identity.address == "alice@demo.test"


def test_a_wrong_password_is_refused() -> None:
    with pytest.raises(LoginRefused):
        run(exchange("PLAIN").respond(b"\0alice\0wrong"))


def test_login_asks_twice() -> None:
    async def inside() -> Any:
        one = exchange("LOGIN")
        assert await one.respond(None) == b"Username:"
        assert await one.respond(b"alice") == b"Password:"
        return await one.respond(b"secret")

    assert run(inside()).account_id == 1


def test_scram_proves_both_sides() -> None:
    async def inside() -> Any:
        one = exchange("SCRAM-SHA-256")
        first = await one.respond(b"n,,n=alice,r=abc")
        assert isinstance(first, bytes)
        last = await one.respond(proof(first))
        assert isinstance(last, bytes)
        assert last.startswith(b"v=")
        return await one.respond(b"")

    assert run(inside()).credential_id == 7


@pytest.mark.parametrize("login", ["alice", "nobody"])
def test_a_wrong_proof_and_an_unknown_name_fail_at_the_same_step(login: str) -> None:
    async def inside() -> None:
        one = exchange("SCRAM-SHA-256")
        first = await one.respond(f"n,,n={login},r=abc".encode())
        assert isinstance(first, bytes)
        await one.respond(proof(first, "wrong"))

    with pytest.raises(LoginRefused):
        run(inside())


def test_nobody_acts_for_others_by_scram() -> None:
    with pytest.raises(LoginRefused):
        run(exchange("SCRAM-SHA-256").respond(b"n,a=bob,n=alice,r=abc"))


@pytest.mark.parametrize("name", ["PLAIN", "SCRAM-SHA-256"])
def test_what_makes_no_sense_is_malformed(name: str) -> None:
    with pytest.raises(MalformedResponse):
        run(exchange(name).respond(b"\xff\xff"))


@pytest.mark.parametrize("login", ["", "alice@demo.test"])
def test_a_token_of_the_right_account(login: str) -> None:
    message = f"user={login}\x01auth=Bearer good\x01\x01".encode()
    assert run(exchange("XOAUTH2").respond(message)).account_id == 1


@pytest.mark.parametrize(
    ("login", "token"),
    [("alice@demo.test", "bad"), ("bob@demo.test", "good"), ("", "strange"), ("", "bad")],
)
def test_other_tokens_are_refused_after_the_error_was_read(
    login: str, token: str, events: Recorder
) -> None:
    async def inside() -> None:
        one = exchange("OAUTHBEARER")
        name = f"a={login}" if login else ""
        said = await one.respond(f"n,{name},\x01auth=Bearer {token}\x01\x01".encode())
        assert isinstance(said, bytes)
        assert b"invalid_token" in said
        await one.respond(b"\x01")

    with pytest.raises(LoginRefused):
        run(inside())
    (failed,) = events.of(LoginFailed)
    assert (failed.login, failed.mechanism) == (login, "OAUTH")


@pytest.mark.parametrize("authzid", [b"", b"alice@demo.test"])
def test_a_certificate_that_names_the_account(authzid: bytes) -> None:
    one = exchange("EXTERNAL", "nobody@demo.test", "alice@demo.test")
    assert run(one.respond(authzid)).account_id == 1


@pytest.mark.parametrize(
    ("authzid", "certified"),
    [
        (b"", ()),
        (b"alice@demo.test", ()),
        (b"", ("eve@else.test",)),
        (b"bob", ("alice@demo.test",)),
    ],
)
def test_other_certificates_are_refused(authzid: bytes, certified: tuple[str, ...]) -> None:
    with pytest.raises(LoginRefused):
        run(exchange("EXTERNAL", *certified).respond(authzid))
