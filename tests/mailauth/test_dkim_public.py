"""Key records."""

import hashlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from postroom.mailauth.dkim_key import public_record
from postroom.mailauth.dkim_public import BadRecord, read
from tests.mailauth.keys import signers

DIGEST = hashlib.sha256(b"octets").digest()


def test_a_key_and_its_signatures() -> None:
    for signer in signers():
        key = read(public_record(signer.key).encode())
        assert key.fits(signer.key.algorithm)
        signature = signer.key.sign(b"octets")
        assert key.verifies(DIGEST, signature)
        assert not key.verifies(DIGEST, signature[:-1] + bytes([signature[-1] ^ 1]))
        assert not key.verifies(DIGEST, b"")


def test_rules_of_a_key() -> None:
    record = public_record(signers()[0].key)
    key = read(f"{record}; t=s : y; s=other:email; h=sha1:sha256; n=a note; zz=1".encode())
    assert key.is_strict
    assert key.is_test
    assert read(record.removeprefix("v=DKIM1; k=rsa; ").encode()).bits == 2048


@pytest.mark.parametrize("bits", [1024, 512])
def test_short_keys_do_not_count(bits: int) -> None:
    if bits >= 1024:
        octets = (
            rsa.generate_private_key(65537, bits)
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        text = b"".join(octets.splitlines()[1:-1])
        assert read(b"p=" + text).bits == bits
        return
    short = (  # 512 bits, made with openssl
        b"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBANDiE2+Xi/WnO+s120NiiJhNyIButVu6"
        b"zxqlVzz0wy2j4kQVUC4ZRZD80IY+4wIiX2YxKBZKGnd2TtPkcJ/ljkUCAwEAAQ=="
    )
    with pytest.raises(BadRecord, match="512 bits"):
        read(b"p=" + short)


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"k=rsa",
        b"p=",
        b"p=YWI=",
        b"p=!",
        b"k=ed25519; p=YWI=",
        b"k=dsa; p=YWI=",
        b"p=x; v=DKIM1",
        b"v=DKIM1; p=x; p=y",
        b"nothing at all",
    ],
)
def test_what_is_no_key(record: bytes) -> None:
    with pytest.raises(BadRecord):
        read(record)
