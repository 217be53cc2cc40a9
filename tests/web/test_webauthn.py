"""What an authenticator answers holds, or not."""

import json
import sys

import pytest

from postroom.web import webauthn
from postroom.web.webauthn import BadAnswer, Ticket
from tests.web.authenticator import ORIGIN, PRESENT, VERIFIED, Authenticator

HOST, USER = "mx.demo.test", b"u" * 32


def created(device: Authenticator, **how: str | int) -> webauthn.Made:
    options, ticket = webauthn.creation(HOST, b"session", USER, "bob@demo.test", [])
    return webauthn.made(ticket, HOST, device.create(options, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", [-7, -8])
def test_a_passkey_is_made_and_signs(algorithm: int) -> None:
    device = Authenticator(algorithm=algorithm)
    made = created(device)
    assert made.credential == device.credential
    options, ticket = webauthn.request(HOST)
    asked = json.loads(options)["publicKey"]
    assert asked["userVerification"] == "required"
    assert "allowCredentials" not in asked  # whichever the authenticator has
    answer = device.get(options)
    assert webauthn.credential_of(answer) == device.credential
    assert webauthn.signed(ticket, HOST, answer, made.material, USER) == 1
    with pytest.raises(BadAnswer, match="another user"):
        webauthn.signed(ticket, HOST, answer, made.material, b"x" * 32)


def test_what_is_asked_for_to_make_one() -> None:
    first = created(Authenticator())
    options, ticket = webauthn.creation(HOST, b"s", USER, "bob@demo.test", [first.material])
    asked = json.loads(options)["publicKey"]
    assert asked["authenticatorSelection"]["residentKey"] == "required"
    assert asked["authenticatorSelection"]["userVerification"] == "required"
    assert {one["alg"] for one in asked["pubKeyCredParams"]} <= {-7, -8, -257}
    assert len(asked["excludeCredentials"]) == 1
    assert (ticket.session, ticket.host, len(ticket.challenge)) == (b"s", HOST, 32)


@pytest.mark.parametrize(
    "how",
    [
        {"origin": "https://evil.test"},
        {"origin": "http://mx.demo.test"},
        {"origin": "https://mx.demo.test:8443"},
        {"origin": "https://mx.demo.test.evil.test"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
    ],
)
def test_bad_answers_make_nothing_and_sign_nothing(how: dict[str, str | int]) -> None:
    with pytest.raises(BadAnswer):
        created(Authenticator(), **how)
    device = Authenticator()
    made = created(device)
    options, ticket = webauthn.request(HOST)
    with pytest.raises(BadAnswer):
        webauthn.signed(ticket, HOST, device.get(options, **how), made.material, USER)  # type: ignore[arg-type]


def test_more_bad_answers() -> None:
    device = Authenticator()
    made = created(device)
    options, ticket = webauthn.request(HOST)
    other, _ = webauthn.request(HOST)
    good = device.get(options)
    bad = [
        device.get(other),
        device.get(options, kind="webauthn.create"),
        device.get(options, rp="evil.test"),
        device.get(options, signature=b"x" * 70),
        device.get(options, clientDataJSON=b"{}"),
        device.get(options, authenticatorData=b"short"),
        device.get(options, authenticatorData=b"\xff" * 40),
        Authenticator().get(options, rp=HOST, userHandle=USER),
        "",
        "null",
        "[" * 5_000,
        "x" * 70_000,
        json.dumps({"id": "x"}),
        good.replace('"rawId": "', '"rawId": "A'),
    ]
    for answer in bad:
        with pytest.raises(BadAnswer):
            webauthn.signed(ticket, HOST, answer, made.material, USER)
    with pytest.raises(BadAnswer):
        webauthn.signed(Ticket(ticket.challenge, "other.test"), HOST, good, made.material, USER)
    for answer in bad[8:]:
        with pytest.raises(BadAnswer):
            webauthn.credential_of(answer)
        with pytest.raises(BadAnswer):
            webauthn.made(ticket, HOST, answer)


def test_another_kind_of_key_is_not_taken() -> None:
    with pytest.raises(BadAnswer):
        created(Authenticator(algorithm=-47))


def test_a_passkey_of_this_machine_needs_no_tls() -> None:
    options, ticket = webauthn.creation("localhost", b"s", USER, "bob@demo.test", [])
    device = Authenticator()
    answer = device.create(options, origin="http://localhost:8080")
    assert webauthn.made(ticket, "localhost:8080", answer).credential == device.credential
    with pytest.raises(BadAnswer):
        webauthn.made(ticket, "localhost:9090", answer)
    with pytest.raises(BadAnswer):
        webauthn.made(ticket, "localhost:8080", device.create(options, origin=ORIGIN))


def test_names_have_passkeys_addresses_have_none() -> None:
    for header, name in (
        ("MX.demo.test:443", "mx.demo.test"),
        ("localhost:8080", "localhost"),
        ("127.0.0.1:8080", ""),
        ("[::1]:8080", ""),
    ):
        assert webauthn.host_of(header) == name


def test_without_the_library_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert webauthn.is_available()
    monkeypatch.setitem(sys.modules, "fido2", None)
    assert not webauthn.is_available()
