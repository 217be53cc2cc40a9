import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from hypothesis import given, strategies as st

from postroom.mailauth import dkim_key
from postroom.mailauth.dkim_key import BadKey, SigningKey
from tests.mailauth.keys import ed25519_der, rsa_der


def der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    how = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, how)


def spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def test_an_rsa_key_signs_pkcs1_with_sha256() -> None:
    key = SigningKey.load(rsa_der())
    assert key.algorithm == "rsa-sha256"
    public = key.private.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    assert public.key_size == 2048
    public.verify(key.sign(b"octets"), b"octets", padding.PKCS1v15(), hashes.SHA256())


def test_an_ed25519_key_signs_the_digest() -> None:
    key = SigningKey.load(ed25519_der())
    assert key.algorithm == "ed25519-sha256"
    public = key.private.public_key()
    assert isinstance(public, ed25519.Ed25519PublicKey)
    public.verify(key.sign(b"octets"), hashlib.sha256(b"octets").digest())  # RFC 8463 §3


def test_a_key_made_here_is_the_same_key() -> None:
    for octets in (rsa_der(), ed25519_der()):
        checked, unchecked = (SigningKey.load(octets, made_here=made) for made in (False, True))
        assert checked.sign(b"x") == unchecked.sign(b"x")


def test_the_repr_shows_no_secret() -> None:
    key = SigningKey.load(rsa_der())
    private = key.private
    assert isinstance(private, rsa.RSAPrivateKey)
    assert str(private.private_numbers().d) not in repr(key)


def test_keys_that_dkim_can_not_use_are_refused() -> None:
    with pytest.raises(BadKey, match="Ed25519 keys only"):
        SigningKey.load(der(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(BadKey, match="no private key"):
        SigningKey.load(der(rsa.generate_private_key(65537, 1024), b"password"))
    with pytest.raises(BadKey, match="no private key"):
        SigningKey.load(b"")
    with pytest.raises(BadKey, match="no private key"):
        SigningKey.load(spki(SigningKey.load(rsa_der()).private.public_key()))


def test_sizes() -> None:
    assert SigningKey.load(der(rsa.generate_private_key(65537, 1024))).algorithm == "rsa-sha256"
    for bits in (1023, 1024, 2047, 4097):
        with pytest.raises(BadKey, match=f"{bits} bits"):
            dkim_key.generate_rsa(bits)
    large = rsa.generate_private_key(65537, 4104)
    with pytest.raises(BadKey, match="4104 bits"):
        SigningKey.load(der(large), made_here=True)
    with pytest.raises(BadKey, match="4104 bits"):
        dkim_key.public_record(spki(large.public_key()))


@given(st.binary(max_size=60), st.integers(0, 1300), st.booleans())
def test_damaged_keys_raise_nothing_else(octets: bytes, at: int, made_here: bool) -> None:
    for whole in (rsa_der(), ed25519_der()):
        damaged = whole[:at] + octets + whole[at + len(octets) :]
        for read in (lambda d: SigningKey.load(d, made_here=made_here), dkim_key.public_record):
            try:
                read(damaged)
            except BadKey:
                pass


def test_the_record_of_an_rsa_key() -> None:
    record = dkim_key.public_record(rsa_der())
    head, _, value = record.partition("p=")
    assert head == "v=DKIM1; k=rsa; "
    public = SigningKey.load(rsa_der()).private.public_key()
    assert base64.b64decode(value, validate=True) == spki(public)
    assert dkim_key.public_record(spki(public)) == record
    assert dkim_key.public_record(SigningKey.load(rsa_der())) == record


def test_the_record_of_an_ed25519_key() -> None:
    record = dkim_key.public_record(ed25519_der())
    head, _, value = record.partition("p=")
    assert head == "v=DKIM1; k=ed25519; "
    public = SigningKey.load(ed25519_der()).private.public_key()
    assert isinstance(public, ed25519.Ed25519PublicKey)
    assert base64.b64decode(value, validate=True) == public.public_bytes_raw()  # RFC 8463 §4
    assert dkim_key.public_record(spki(public)) == record


def test_no_record_for_other_keys() -> None:
    with pytest.raises(BadKey, match="Ed25519 keys only"):
        dkim_key.public_record(spki(ec.generate_private_key(ec.SECP256R1()).public_key()))
    with pytest.raises(BadKey, match="no private key"):
        dkim_key.public_record(b"nonsense")


def test_published() -> None:
    record = dkim_key.public_record(rsa_der())
    assert dkim_key.publishes(record, rsa_der())
    assert dkim_key.publishes(record.replace("k=rsa; ", ""), rsa_der())
    assert dkim_key.publishes(record.removeprefix("v=DKIM1; "), rsa_der())
    assert dkim_key.publishes(record.replace("; ", " ;\t") + ";t=s;", rsa_der())
    broken = record[:100] + " \t" + record[100:]
    assert dkim_key.publishes(broken, rsa_der())
    ed25519 = dkim_key.public_record(ed25519_der())
    assert dkim_key.publishes(ed25519, ed25519_der())
    for other in ("", "v=spf1 -all", "v=DKIM1; p=", record[:-1], ed25519, "v=DKIM2;" + record[8:]):
        assert not dkim_key.publishes(other, rsa_der())
    assert not dkim_key.publishes(ed25519.replace("k=ed25519; ", ""), ed25519_der())


@given(st.text())
def test_any_record_is_another_one(record: str) -> None:
    assert not dkim_key.publishes(record, ed25519_der())
