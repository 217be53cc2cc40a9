"""The client's mechanisms against the servers of ours and of scramp."""

import base64
import hashlib
import hmac
from collections.abc import Set as AbstractSet

import pytest
from hypothesis import given, settings, strategies as st
from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]

from postroom.protocol.sasl.client import (
    MAX_ITERATIONS,
    ChallengeFault,
    ClientMechanism,
    Credentials,
    choose,
    start,
)
from postroom.protocol.sasl.login import Login
from postroom.protocol.sasl.plain import Plain
from postroom.protocol.sasl.scram import ScramSha256
from postroom.protocol.sasl.steps import AskPassword, AskScram, Challenge, Granted
from tests.protocol.sasl.test_scram import ITERATIONS, KEYS, NONCE, SALT, key

NAMES = ("PLAIN", "LOGIN", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2")


def client(name: str, login: str = "alice", secret: str = "first") -> ClientMechanism:
    credentials = Credentials(login=login, secret=secret, host="mx.test", port=587)
    return start(name, credentials, nonce="abc")


def said(mechanism: ClientMechanism) -> bytes:
    initial = mechanism.initial()
    assert initial is not None
    return initial


@pytest.mark.parametrize(
    ("offered", "has_token", "allow_plain", "chosen"),
    [
        ({"LOGIN", "PLAIN", "SCRAM-SHA-256"}, False, True, "SCRAM-SHA-256"),
        ({"LOGIN", "PLAIN"}, False, True, "PLAIN"),
        ({"LOGIN", "CRAM-MD5"}, False, True, "LOGIN"),
        ({"LOGIN", "PLAIN", "SCRAM-SHA-256"}, False, False, "SCRAM-SHA-256"),
        ({"LOGIN", "PLAIN"}, False, False, None),
        ({"CRAM-MD5"}, False, True, None),
        (set(), False, True, None),
        ({"XOAUTH2", "OAUTHBEARER", "PLAIN"}, True, True, "OAUTHBEARER"),
        ({"XOAUTH2", "PLAIN"}, True, True, "XOAUTH2"),
        ({"PLAIN"}, True, True, None),
        ({"XOAUTH2", "OAUTHBEARER"}, True, False, None),
        ({"XOAUTH2", "OAUTHBEARER"}, False, True, None),
    ],
)
def test_the_best_that_both_have(
    offered: AbstractSet[str], has_token: bool, allow_plain: bool, chosen: str | None
) -> None:
    assert choose(offered, has_token=has_token, allow_plain=allow_plain) == chosen


@pytest.mark.parametrize("name", NAMES)
def test_nothing_shows_the_secret(name: str) -> None:
    mechanism = client(name, secret="wonderland")
    mechanism.initial()
    credentials = Credentials(login="alice", secret="wonderland")
    assert "wonderland" not in repr(mechanism) + str(mechanism) + repr(credentials)
    assert "wonderland" not in str(credentials)
    assert mechanism.name == name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("login", "secret"),
    [("", "x"), ("x", ""), ("a\0b", "x"), ("x", "a\0b"), ("x", "a\1b"), ("x", "\ud800")],
)
def test_what_no_mechanism_can_carry(name: str, login: str, secret: str) -> None:
    with pytest.raises(ValueError) as caught:
        client(name, login, secret)
    assert not secret or secret == "x" or secret not in str(caught.value)


def test_unknown_mechanisms() -> None:
    with pytest.raises(ValueError, match="CRAM-MD5"):
        client("CRAM-MD5")


@pytest.mark.parametrize("nonce", ["", "a,b", "a b", "é", "a\n", "x" * 2000])
def test_what_is_no_nonce(nonce: str) -> None:
    with pytest.raises(ValueError, match="nonce"):
        start("SCRAM-SHA-256", Credentials(login="a", secret="b"), nonce=nonce)


def test_plain() -> None:
    mechanism = client("PLAIN", "jörg", "süß")
    seen = [mechanism.is_complete]
    assert Plain().step(said(mechanism)) == AskPassword("jörg", "", "süß")
    seen.append(mechanism.is_complete)
    assert seen == [False, True]
    with pytest.raises(ChallengeFault):
        mechanism.respond(b"")


def test_login() -> None:
    mechanism = client("LOGIN", "jörg", "süß")
    server = Login()
    assert mechanism.initial() is None
    step = server.step(None)
    seen = []
    while isinstance(step, Challenge):
        seen.append(mechanism.is_complete)
        step = server.step(mechanism.respond(step.octets))
    seen.append(mechanism.is_complete)
    assert step == AskPassword("jörg", "", "süß")
    assert seen == [False, False, True]
    with pytest.raises(ChallengeFault):
        mechanism.respond(b"Username:")


def test_oauthbearer() -> None:
    """The shape of RFC 7628 §3.1."""
    mechanism = client("OAUTHBEARER", "a,b=c@x", "tok")
    assert said(mechanism) == (
        b"n,a=a=2Cb=3Dc@x,\x01host=mx.test\x01port=587\x01auth=Bearer tok\x01\x01"
    )
    seen = [mechanism.is_complete]
    assert mechanism.respond(b'{"status":"invalid_token"}') == b"\x01"
    seen.append(mechanism.is_complete)
    assert seen == [True, False]
    with pytest.raises(ChallengeFault):
        mechanism.respond(b"")


def test_oauthbearer_without_a_host() -> None:
    mechanism = start("OAUTHBEARER", Credentials(login="a", secret="tok"), nonce="abc")
    assert mechanism.initial() == b"n,a=a,\x01auth=Bearer tok\x01\x01"


def test_xoauth2() -> None:
    mechanism = client("XOAUTH2", "alice", "tok")
    with pytest.raises(ChallengeFault):
        client("XOAUTH2").respond(b"")
    assert said(mechanism) == b"user=alice\x01auth=Bearer tok\x01\x01"
    assert mechanism.respond(b"{}") == b""
    assert not mechanism.is_complete


def test_the_example_of_rfc_7677() -> None:
    credentials = Credentials(login="user", secret="pencil")
    mechanism = start("SCRAM-SHA-256", credentials, nonce="rOprNGfwEbeRWgbNEkqO")
    assert mechanism.initial() == b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    assert mechanism.respond(
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    ) == (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    seen = [mechanism.is_complete]
    assert mechanism.respond(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=") == b""
    seen.append(mechanism.is_complete)
    assert seen == [False, True]
    with pytest.raises(ChallengeFault):
        mechanism.respond(b"")


@pytest.mark.parametrize("login", ["alice", "a,b", "a=b", "=2C", "søren"])
def test_scram_with_our_own_server(login: str) -> None:
    mechanism, server = client("SCRAM-SHA-256", login), ScramSha256(NONCE)
    assert server.step(said(mechanism)) == AskScram(login, "")
    step = server.keys(SALT, ITERATIONS, KEYS)
    while isinstance(step, Challenge):
        step = server.step(mechanism.respond(step.octets))
    assert step == Granted(login, 11)
    assert mechanism.is_complete


def scramp_accepts(password: str, guess: str) -> bool:
    """An exchange with scramp's server; it raises where the proof is wrong."""
    auth = ScramMechanism("SCRAM-SHA-256")
    known = auth.make_auth_info(password, iteration_count=ITERATIONS, salt=SALT)
    server = auth.make_server(lambda _: known)
    mechanism = client("SCRAM-SHA-256", "alice", guess)
    server.set_client_first(said(mechanism).decode())
    final = mechanism.respond(server.get_server_first().encode())
    try:
        server.set_client_final(final.decode())
    except ScramException:
        return False
    assert mechanism.respond(server.get_server_final().encode()) == b""
    return mechanism.is_complete


@pytest.mark.parametrize(
    "password", ["first", "süß", "a\u00a0b", "soft\u00adhyphen", "ﬁne", "日本"]
)
def test_scram_with_scramp(password: str) -> None:
    """It prepares passwords as RFC 4013 words it."""
    assert scramp_accepts(password, password)
    assert not scramp_accepts(password, "other")


@settings(max_examples=20)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12))
def test_scram_with_scramp_and_any_password(password: str) -> None:
    assert scramp_accepts(password, password)


FIRST = b"r=abc%b,s=%b,i=%d" % (NONCE.encode(), base64.b64encode(SALT), ITERATIONS)


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"r=abcdef",
        b"r=abcdef,s=MDEy",
        FIRST.replace(b"r=abc", b"r=xyz"),
        b"r=abc,s=MDEy,i=4096",  # nothing was added to our nonce
        b"r=abc\xff,s=MDEy,i=4096",
        b"r=abc d,s=MDEy,i=4096",
        b"r=abc" + b"d" * 2000 + b",s=MDEy,i=4096",
        b"m=x," + FIRST,
        b"r=abcdef,i=4096,s=MDEy",
        b"r=abcdef,s=,i=4096",
        b"r=abcdef,s=!,i=4096",
        b"r=abcdef,s=" + base64.b64encode(b"x" * 1025) + b",i=4096",
        b"r=abcdef,s=MDEy,i=",
        b"r=abcdef,s=MDEy,i=x",
        b"r=abcdef,s=MDEy,i=-1",
        b"r=abcdef,s=MDEy,i=4095",
        b"r=abcdef,s=MDEy,i=%d" % (MAX_ITERATIONS + 1),
        b"r=abcdef,s=MDEy,i=" + b"9" * 5000,
        b"e=other-error",
    ],
)
def test_what_is_no_server_first_message(challenge: bytes) -> None:
    mechanism = client("SCRAM-SHA-256")
    mechanism.initial()
    with pytest.raises(ChallengeFault) as caught:
        mechanism.respond(challenge)
    assert caught.value.reason.isprintable()
    assert not mechanism.is_complete


def test_extensions_that_are_optional_are_signed_and_ignored() -> None:
    mechanism = client("SCRAM-SHA-256")
    mechanism.initial()
    assert mechanism.respond(FIRST + b",x=1,y=2").startswith(b"c=biws,r=abc")


def signature(password: str) -> bytes:
    """What a server with these keys shows."""
    signed = b"n=alice,r=abc," + FIRST + b",c=biws,r=abc" + NONCE.encode()
    return base64.b64encode(hmac.digest(key(1, password).server_key, signed, hashlib.sha256))


def test_the_server_must_know_the_keys() -> None:
    for challenge, is_right in (
        (b"v=" + signature("first"), True),
        (b"v=" + signature("first") + b",x=1", True),
        (b"v=" + signature("second"), False),
        (b"v=", False),
        (b"v=!", False),
        (b"", False),
        (b"x=" + signature("first"), False),
        (b"e=invalid-proof", False),
    ):
        mechanism = client("SCRAM-SHA-256")
        mechanism.initial()
        mechanism.respond(FIRST)
        if is_right:
            assert mechanism.respond(challenge) == b""
        else:
            with pytest.raises(ChallengeFault):
                mechanism.respond(challenge)
        assert mechanism.is_complete == is_right


def test_scram_answers_nothing_before_it_has_spoken() -> None:
    with pytest.raises(ChallengeFault):
        client("SCRAM-SHA-256").respond(FIRST)


@given(st.sampled_from(NAMES), st.lists(st.binary(max_size=40), max_size=5))
def test_any_challenges_lead_to_an_answer_or_the_one_error(
    name: str, challenges: list[bytes]
) -> None:
    mechanism = client(name)
    mechanism.initial()
    for challenge in challenges:
        try:
            assert isinstance(mechanism.respond(challenge), bytes)
        except ChallengeFault as fault:
            assert fault.reason.isprintable()
            return
    assert name != "SCRAM-SHA-256" or not mechanism.is_complete
