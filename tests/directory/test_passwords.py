import asyncio
import base64
import contextlib
from pathlib import Path

import pytest

from postroom.directory import passwords
from postroom.directory.passwords import Busy, Costs, Hasher, prepare
from postroom.errors import Invalid
from tests.directory.town import QUICK


@pytest.mark.parametrize(
    ("typed", "prepared"),
    [
        ("secret", "secret"),
        ("I\u00adX", "IX"),  # RFC 4013 §3, example 1: soft hyphen mapped to nothing
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("a\u00a0b", "a b"),
        ("e\u0301", "é"),
        ("pass word", "pass word"),
        ("\U0001f600x", "\U0001f600x"),
    ],
)
def test_passwords_have_one_form(typed: str, prepared: str) -> None:
    """RFC 4013 §3."""
    assert prepare(typed) == prepared


@pytest.mark.parametrize("typed", ["", "\u00ad", "a\0b", "a\nb", "a\x7f", "\ud800", "x" * 1025])
def test_what_cannot_be_a_password_is_refused(typed: str) -> None:
    with pytest.raises(Invalid):
        prepare(typed)


def test_app_passwords_are_random_and_known_by_their_shape() -> None:
    made = {passwords.make_app_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        letters = passwords.app_letters(password)
        assert letters is not None
        assert len(letters) * 5 >= 100  # bits: five a letter
        assert passwords.app_letters(password.upper().replace("-", " ")) == letters
        assert passwords.app_letters(password.replace("-", "")) == letters


@pytest.mark.parametrize("typed", ["hunter2", "", "u" * 20, "0" * 21, "0" * 19])
def test_other_passwords_have_not_that_shape(typed: str) -> None:
    assert passwords.app_letters(typed) is None


def test_scram_keys_are_those_of_the_rfc() -> None:
    """RFC 7677 §3: user "user", password "pencil"; checked by the server signature."""
    import hmac

    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    pair = passwords.scram_pair("pencil", salt, 4096)
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,"
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    signature = base64.b64encode(hmac.digest(pair.server_key, message, "sha256"))
    assert signature == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signed = hmac.digest(pair.stored_key, message, "sha256")
    client_key = bytes(a ^ b for a, b in zip(proof, signed, strict=True))
    import hashlib

    assert hashlib.sha256(client_key).digest() == pair.stored_key


def test_an_unknown_user_always_gets_the_same_salt() -> None:
    salt = passwords.unknown_salt(b"key", "nobody@demo.test")
    assert salt == passwords.unknown_salt(b"key", "nobody@demo.test")
    assert salt != passwords.unknown_salt(b"key", "another@demo.test")
    assert len(salt) == len(passwords.new_salt())


def test_a_hash_is_argon2id_at_the_costs_given_and_fits_its_password_only() -> None:
    async def run() -> None:
        hasher = Hasher(QUICK)
        try:
            phc = await hasher.hash("secret")
            assert phc.startswith("$argon2id$v=19$m=8,t=1,p=1$")
            assert await hasher.verify("secret", phc)
            assert not await hasher.verify("Secret", phc)
            assert not await hasher.verify("secret", hasher.dummy)
            assert not hasher.is_outdated(phc)
            assert not hasher.is_outdated(hasher.dummy)
        finally:
            hasher.close()

    asyncio.run(run())


def test_the_costs_are_at_least_what_owasp_recommends() -> None:
    costs = Costs()
    assert costs.memory >= 19 * 1024
    assert costs.passes >= 2
    assert costs.rounds >= 4096  # RFC 7677 §4
    assert Hasher(costs).is_outdated("$argon2id$v=19$m=8,t=1,p=1$x$y")


def test_whoever_tests_passwords_lets_others_go_first() -> None:
    def niceness() -> list[int]:
        stats = []
        for path in Path("/proc/self/task").glob("*/stat"):
            with contextlib.suppress(OSError):  # a thread of before that ends at this moment
                stats.append(path.read_text())
        return sorted(int(one.rpartition(")")[2].split()[16]) for one in stats)

    async def run() -> None:
        before = niceness()
        hasher = Hasher(QUICK)
        try:
            await hasher.hash("secret")
            assert max(niceness()) > before[0]
            assert niceness()[0] == before[0]
        finally:
            hasher.close()

    asyncio.run(run())


def test_a_flood_of_passwords_is_refused_and_the_pool_recovers() -> None:
    async def run() -> None:
        hasher = Hasher(Costs(memory=8, passes=1, rounds=1, slots=2, queue=4))
        try:
            phc = await hasher.hash("secret")
            answers = await asyncio.gather(
                *(hasher.verify("secret", phc) for _ in range(20)), return_exceptions=True
            )
            refused = [answer for answer in answers if isinstance(answer, Busy)]
            assert answers.count(True) == 6
            assert len(refused) == 14
            assert (refused[0].code, refused[0].status) == (454, "4.7.0")
            assert await hasher.verify("secret", phc)
        finally:
            hasher.close()

    asyncio.run(run())
