"""OAUTHBEARER and XOAUTH2, against our own client and by hand."""

import json

import pytest
from hypothesis import given, strategies as st

from postroom.protocol.sasl.client import Credentials, start
from postroom.protocol.sasl.oauth import MAX_MESSAGE, OAuth
from postroom.protocol.sasl.steps import AskToken, Challenge, Denied, Granted

MALFORMED = Denied(is_malformed=True)


@pytest.mark.parametrize("name", ["OAUTHBEARER", "XOAUTH2"])
def test_what_our_client_says(name: str) -> None:
    mine = Credentials(login="a,b=c@demo.test", secret="ya29.to-ken_~+/==", host="h", port=143)
    server = OAuth(is_standard=name == "OAUTHBEARER")
    message = start(name, mine, nonce="n").initial()
    assert server.step(message) == AskToken("a,b=c@demo.test", "ya29.to-ken_~+/==")
    assert server.answer("identity") == Granted("a,b=c@demo.test", None)


@pytest.mark.parametrize("is_standard", [True, False])
def test_a_refusal_says_why_and_waits_for_the_client(is_standard: bool) -> None:
    server = OAuth(is_standard=is_standard)
    head = b"n,," if is_standard else b"user=x"
    server.step(head + b"\x01auth=Bearer t\x01\x01")
    refused = server.answer(None)
    assert isinstance(refused, Challenge)
    assert json.loads(refused.octets)["schemes"] == "bearer"
    assert server.step(b"\x01") == Denied()


def test_without_an_initial_response_an_empty_challenge_comes_first() -> None:
    server = OAuth(is_standard=True)
    assert server.step(None) == Challenge(b"")
    assert server.step(b"n,,\x01auth=bearer  t\x01\x01") == AskToken("", "t")


@pytest.mark.parametrize("message", [b"n,,\x01\x01", b"n,a=x,\x01auth=\x01host=h\x01\x01"])
def test_asking_what_is_wanted_is_answered_by_a_refusal(message: bytes) -> None:
    server = OAuth(is_standard=True)
    assert isinstance(server.step(message), Challenge)
    assert server.step(b"\x01") == Denied()


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n,,",
        b"n,,\x01auth=Bearer t\x01",
        b"y,,\x01auth=Bearer t\x01\x01",
        b"p=tls-unique,,\x01auth=Bearer t\x01\x01",
        b"n,a=x=y,\x01auth=Bearer t\x01\x01",
        b"n,a=x\x01auth=Bearer t\x01\x01",
        b"n,,\x01auth=Basic t\x01\x01",
        b"n,,\x01auth=Bearer t u\x01\x01",
        b"n,,\x01auth=Bearer t\x01nothing\x01\x01",
        b"n,a=\xff,\x01auth=Bearer t\x01\x01",
        b"n,a=" + b"x" * 300 + b",\x01auth=Bearer t\x01\x01",
        b"n,,\x01auth=Bearer " + b"t" * MAX_MESSAGE + b"\x01\x01",
        b"user=x\x01auth=Bearer t\x01\x01",
    ],
)
def test_what_makes_no_sense(message: bytes) -> None:
    assert OAuth(is_standard=True).step(message) == MALFORMED


@given(st.lists(st.none() | st.binary(max_size=60), max_size=4), st.booleans())
def test_nothing_raises(messages: list[bytes | None], is_standard: bool) -> None:
    server = OAuth(is_standard=is_standard)
    for message in messages:
        assert isinstance(server.step(message), AskToken | Challenge | Denied)


def test_a_token_shows_nowhere() -> None:
    assert "secret" not in repr(AskToken("x", "secret"))
