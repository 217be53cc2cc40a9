"""SCRAM-SHA-256 against the example of RFC 7677 and against scramp, a client of its own make."""

import base64
import hashlib
import hmac
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings, strategies as st
from scramp import ScramClient, ScramException  # type: ignore[import-untyped]

from postroom.protocol.sasl.plain import MAX_FIELD
from postroom.protocol.sasl.scram import MAX_NONCE, ScramSha256
from postroom.protocol.sasl.steps import AskScram, Challenge, Denied, Granted

MALFORMED = Denied(is_malformed=True)
NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = b"0123456789abcdef"
ITERATIONS = 4096  # fewer scramp does not take
FIRST = b"n,,n=alice,r=abc"


class Key(msgspec.Struct, frozen=True):
    """The keys of one credential, computed as RFC 5802 §3 words it."""

    credential_id: int
    stored_key: bytes
    server_key: bytes


@cache
def key(number: int, password: str, salt: bytes = SALT, iterations: int = ITERATIONS) -> Key:
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    return Key(number, hashlib.sha256(client_key).digest(), server_key)


KEYS = (key(11, "first"), key(12, "second"), key(13, "third"))


def said(step: object) -> bytes:
    assert isinstance(step, Challenge)
    return step.octets


def exchange(password: str, keys: tuple[Key, ...], login: str = "alice") -> list[object]:
    """All steps of an exchange with scramp's client; it checks the server's signature too."""
    client = ScramClient(["SCRAM-SHA-256"], login, password)
    server = ScramSha256(NONCE)
    steps: list[object] = [server.step(client.get_client_first().encode())]
    steps.append(server.keys(SALT, ITERATIONS, keys))
    client.set_server_first(said(steps[-1]).decode())
    steps.append(server.step(client.get_client_final().encode()))
    if isinstance(steps[-1], Challenge):
        client.set_server_final(steps[-1].octets.decode())
        steps.append(server.step(b""))
    return steps


def test_the_example_of_rfc_7677() -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    server = ScramSha256(NONCE)
    assert server.step(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == AskScram("user", "")
    assert said(server.keys(salt, 4096, [key(7, "pencil", salt, 4096)])) == (
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    final = (
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    assert said(server.step(final)) == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert server.step(b"") == Granted("user", 7)


@pytest.mark.parametrize(("password", "number"), [("first", 11), ("second", 12), ("third", 13)])
def test_the_credential_whose_password_it_was_is_granted(password: str, number: int) -> None:
    assert exchange(password, KEYS)[-1] == Granted("alice", number)


def test_no_other_password_is_granted() -> None:
    asks, first, last = exchange("fourth", KEYS)
    assert asks == AskScram("alice", "")
    assert isinstance(first, Challenge)
    assert last == Denied()


def test_nobody_and_a_wrong_password_look_the_same_until_the_end() -> None:
    client = ScramClient(["SCRAM-SHA-256"], "alice", "guess", c_nonce="abc")
    final: list[str] = []
    for keys in (KEYS, KEYS[:1], ()):
        server = ScramSha256(NONCE)
        assert server.step(FIRST) == AskScram("alice", "")
        first = said(server.keys(SALT, ITERATIONS, keys))
        assert first == b"r=abc%b,s=%b,i=4096" % (NONCE.encode(), base64.b64encode(SALT))
        if not final:
            client.get_client_first()
            client.set_server_first(first.decode())
            final.append(client.get_client_final())
        assert server.step(final[0].encode()) == Denied()
    assert exchange("first", ())[-1] == Denied()


def test_without_initial_response_an_empty_challenge_goes_out() -> None:
    server = ScramSha256(NONCE)
    assert server.step(None) == Challenge(b"")
    assert server.step(FIRST) == AskScram("alice", "")


@pytest.mark.parametrize("login", ["a,b", "a=b", "=2C", "=3D,", "søren", "日本"])
def test_commas_equals_signs_and_letters_of_all_scripts_in_names(login: str) -> None:
    asks, *_, last = exchange("first", KEYS, login)
    assert asks == AskScram(login, "")
    assert last == Granted(login, 11)


def test_whom_the_client_wants_to_act_as_is_told_and_signed() -> None:
    server = ScramSha256(NONCE)
    assert server.step(b"n,a=vic=2Ctim,n=me,r=abc") == AskScram("me", "vic,tim")
    server.keys(SALT, ITERATIONS, KEYS)
    assert server.step(final_for(b"n,a=vic=2Ctim,", b"n=me,r=abc", "first")) != MALFORMED


def final_for(gs2: bytes, bare: bytes, password: str, **changes: bytes) -> bytes:
    """The client-final-message of RFC 5802 §3 and §7, made here so that it can be made wrong."""
    nonce = changes.get("nonce", b"abc" + NONCE.encode())
    first = b"r=abc%b,s=%b,i=%d" % (NONCE.encode(), base64.b64encode(SALT), ITERATIONS)
    without = b"c=%b,r=%b" % (base64.b64encode(changes.get("binding", gs2)), nonce)
    without += changes.get("extension", b"")
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client_key).digest()
    signature = hmac.digest(stored, b",".join((bare, first, without)), "sha256")
    proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
    return without + b",p=" + base64.b64encode(proof)


def ready(first: bytes = FIRST) -> ScramSha256:
    server = ScramSha256(NONCE)
    assert isinstance(server.step(first), AskScram)
    server.keys(SALT, ITERATIONS, KEYS)
    return server


def test_a_client_that_would_have_liked_channel_binding_is_served() -> None:
    server = ready(b"y,,n=alice,r=abc")
    assert isinstance(server.step(final_for(b"y,,", b"n=alice,r=abc", "second")), Challenge)
    assert server.step(b"") == Granted("alice", 12)


def test_extensions_that_are_optional_are_signed_and_ignored() -> None:
    server = ready(b"n,,n=alice,r=abc,x=1")
    final = final_for(b"n,,", b"n=alice,r=abc,x=1", "first", extension=b",y=2")
    assert isinstance(server.step(final), Challenge)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"n",
        b"n,",
        b"n,,",
        b"n,,n=alice",
        b"n,,n=alice,",
        b"n,,n=alice,r=",
        b"n,,n=,r=abc",
        b"n,,r=abc,n=alice",
        b"n,,m=1,n=alice,r=abc",
        b"n,a=,n=alice,r=abc",
        b"n,bob,n=alice,r=abc",
        b"p=tls-unique,,n=alice,r=abc",
        b"x,,n=alice,r=abc",
        b"N,,n=alice,r=abc",
        b"n,,n=a=2cb,r=abc",
        b"n,,n=a=b,r=abc",
        b"n,,n=al\0ice,r=abc",
        b"n,,n=\xff,r=abc",
        b"n,,n=" + b"a" * (MAX_FIELD + 1) + b",r=abc",
        b"n,,n=alice,r=a c",
        b"n,,n=alice,r=a\nc",
        b"n,,n=alice,r=\xc3\xa9",
        b"n,,n=alice,r=" + b"a" * (MAX_NONCE + 1),
    ],
)
def test_what_is_no_client_first_message_is_malformed(message: bytes) -> None:
    server = ScramSha256(NONCE)
    assert server.step(message) == MALFORMED
    assert server.keys(SALT, ITERATIONS, KEYS) == Denied()


GOOD_FINAL = final_for(b"n,,", b"n=alice,r=abc", "first")


def test_the_final_message_that_the_next_tests_damage_is_good() -> None:
    server = ready()
    assert isinstance(server.step(GOOD_FINAL), Challenge)
    assert server.step(b"") == Granted("alice", 11)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"c=biws",
        GOOD_FINAL.partition(b",p=")[0],
        GOOD_FINAL.partition(b",p=")[0] + b",p=",
        GOOD_FINAL.partition(b",p=")[0] + b",p=AAAA",
        GOOD_FINAL + b"=",
        GOOD_FINAL[:-4] + b"!" + GOOD_FINAL[-4:],
        GOOD_FINAL + b",x=1",
        b"x=1," + GOOD_FINAL,
        final_for(b"n,,", b"n=alice,r=abc", "first", binding=b"y,,"),
        final_for(b"n,,", b"n=alice,r=abc", "first", nonce=b"abc"),
        final_for(b"n,,", b"n=alice,r=abc", "first", nonce=b"abcd" + NONCE.encode()),
        final_for(b"n,,", b"n=alice,r=abc", "first", nonce=NONCE.encode()),
    ],
)
def test_what_is_no_client_final_message_is_malformed(message: bytes) -> None:
    assert ready().step(message) == MALFORMED


def test_a_proof_for_another_name_is_worth_nothing() -> None:
    assert ready().step(final_for(b"n,,", b"n=bob,r=abc", "first")) == Denied()


def test_any_octet_changed_in_the_proof_is_denied() -> None:
    start = GOOD_FINAL.index(b",p=") + 3
    proof = base64.b64decode(GOOD_FINAL[start:])
    for at in range(len(proof)):
        wrong = bytearray(proof)
        wrong[at] ^= 1
        assert ready().step(GOOD_FINAL[:start] + base64.b64encode(wrong)) == Denied()


def test_the_end_needs_an_empty_response() -> None:
    server = ready()
    server.step(GOOD_FINAL)
    assert server.step(b"x") == MALFORMED


def test_nothing_is_granted_without_keys() -> None:
    server = ScramSha256(NONCE)
    server.step(FIRST)
    assert server.step(GOOD_FINAL) == MALFORMED
    assert server.step(b"") == MALFORMED


def test_keys_are_taken_once() -> None:
    server = ready()
    assert server.keys(SALT, ITERATIONS, [key(99, "other")]) == Denied()
    assert server.step(final_for(b"n,,", b"n=alice,r=abc", "other")) == Denied()


def test_a_password_is_never_asked_for() -> None:
    assert ready().answer(object()) == Denied()


@settings(max_examples=20)
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12))
def test_scramp_and_we_agree_on_any_password(password: str) -> None:
    """Printable ASCII: SASLprep leaves it as it is."""
    keys = (key(1, "not " + password), key(2, password))
    assert exchange(password, keys)[-1] == Granted("alice", 2)
    assert exchange(password, keys[:1])[-1] == Denied()


@given(st.lists(st.none() | st.binary(max_size=40), max_size=5))
def test_any_responses_lead_to_a_step(responses: list[bytes | None]) -> None:
    server = ScramSha256(NONCE)
    for response in responses:
        step = server.step(response)
        assert step in (MALFORMED, Challenge(b"")) or isinstance(step, AskScram)
        if isinstance(step, AskScram):
            server.keys(SALT, ITERATIONS, KEYS)


PIECES = st.lists(
    st.sampled_from([b"n", b"y", b"p=", b",", b"n=", b"r=", b"a=", b"c=biws", b"=2C", b"p=AAAA"])
).map(b"".join)


@given(PIECES, PIECES)
def test_what_looks_like_messages_leads_to_a_step(first: bytes, final: bytes) -> None:
    server = ScramSha256(NONCE)
    step = server.step(first)
    assert step == MALFORMED or isinstance(step, AskScram)
    assert ready().step(final) == MALFORMED


def test_scramp_notices_a_server_that_does_not_know_the_keys() -> None:
    """The oracle is awake: a false signature does not pass."""
    client = ScramClient(["SCRAM-SHA-256"], "alice", "first")
    server = ScramSha256(NONCE)
    server.step(client.get_client_first().encode())
    false = Key(11, KEYS[0].stored_key, b"\0" * 32)
    client.set_server_first(said(server.keys(SALT, ITERATIONS, [false])).decode())
    final = server.step(client.get_client_final().encode())
    with pytest.raises(ScramException):
        client.set_server_final(said(final).decode())
