"""DKIM-Signature fields as values; what is no signature stands in ``test_dkim_verify``."""

import pytest

from postroom.mailauth.dkim_signature import (
    BadSignature,
    check_identity,
    domain_of,
    read,
    signer,
    without_b,
)

FIELD = (
    b" v=1; a=Ed25519-SHA256; c=relaxed; d=B\xc3\xbccher.example; s=Sel.Two;\r\n"
    b"\th=From : To:\r\n subject; l=12; t=10; x=20; i=@x.xn--bcher-kva.example;"
    b" bh=YWI=; b=Y2 Q=\r\n"
)


def test_what_is_read() -> None:
    one = read(FIELD)
    assert one.domain == "xn--bcher-kva.example"
    assert one.key_name == "sel.two._domainkey.xn--bcher-kva.example"
    assert (one.algorithm, one.header_form, one.body_form) == (
        "ed25519-sha256",
        "relaxed",
        "simple",
    )
    assert one.names == (b"from", b"to", b"subject")
    assert (one.length, one.made, one.expires) == (12, 10, 20)
    assert (one.body_hash, one.octets) == (b"ab", b"cd")
    check_identity(one)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"l=12", b"l=-1"),
        (b"l=12", b"l=1234567890123"),
        (b"h=From", b"h=Fr\xc3\xb6m"),
        (b"bh=YWI=", b"bh=YWI"),
        (b"b=Y2 Q=", b"b="),
        (b"b=Y2 Q=", b"b=" + b"YWJj" * 400),
        (b"c=relaxed", b"c=relaxed/nothing"),
        (b"v=1;", b"v=1; q=http;"),
        (b"s=Sel.Two", b"s=a..b"),
        (b"d=B\xc3\xbccher.example", b"d=[192.0.2.1]"),
    ],
)
def test_what_is_refused(old: bytes, new: bytes) -> None:
    assert old in FIELD
    with pytest.raises(BadSignature):
        read(FIELD.replace(old, new))


@pytest.mark.parametrize("text", ["", "a..b", "[127.0.0.1]", "x" * 300])
def test_what_is_no_domain(text: str) -> None:
    with pytest.raises(BadSignature):
        domain_of(text)


@pytest.mark.parametrize(
    ("value", "emptied"),
    [
        (b" a=1; b=xyz; bh=1", b" a=1; b=; bh=1"),
        (b" bh=1; b = x\r\n y", b" bh=1; b ="),
        (b"b=x;v=1", b"b=;v=1"),
        (b" a=1; bb=2; c=b=3", b" a=1; bb=2; c=b=3"),
    ],
)
def test_the_signature_is_taken_out(value: bytes, emptied: bytes) -> None:
    assert without_b(value) == emptied


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b"v=1; a=rsa-sha1; d=B.Example; s=One", ("b.example", "one")),
        (b"v=1; d=b.example", ("b.example", "")),
        (b"v=1; d=b.example; s=-", ("b.example", "")),
        (b"v=1; s=one", ("", "")),
        (b"v=1; d=[192.0.2.1]; s=one", ("", "")),
        (b"v=1; d=a.example; d=b.example; s=one", ("", "")),
        (b"\xff", ("", "")),
    ],
)
def test_who_signed_badly(value: bytes, found: tuple[str, str]) -> None:
    assert signer(value) == found
