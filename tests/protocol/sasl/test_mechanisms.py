import pytest

from postroom.protocol.sasl.login import Login
from postroom.protocol.sasl.mechanisms import MECHANISMS, Mechanism, start
from postroom.protocol.sasl.plain import Plain
from postroom.protocol.sasl.scram import ScramSha256


@pytest.mark.parametrize(
    ("name", "kind"), [("PLAIN", Plain), ("login", Login), ("Scram-Sha-256", ScramSha256)]
)
def test_mechanisms_by_name(name: str, kind: type) -> None:
    assert isinstance(start(name, nonce="n"), kind)


def test_what_is_not_offered() -> None:
    assert start("CRAM-MD5", nonce="n") is None
    assert start("SCRAM-SHA-256-PLUS", nonce="n") is None


def test_the_strongest_is_named_first() -> None:
    assert MECHANISMS == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    made: list[Mechanism | None] = [start(name, nonce="n") for name in MECHANISMS]
    assert None not in made
