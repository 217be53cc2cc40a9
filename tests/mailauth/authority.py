"""Certificates of every kind, made for the tests of this package."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from postroom.mailauth.dane import Tlsa

NOW: Final = 1_790_000_000
TODAY: Final = datetime.fromtimestamp(NOW, UTC)
HOST: Final = "mail.example.org"
CA: Final = x509.BasicConstraints(ca=True, path_length=None)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
_serials = itertools.count(1)


@cache
def key(name: str) -> Key:
    """One key a name."""
    if name.startswith("rsa"):
        return rsa.generate_private_key(65537, 2048)
    if name.startswith("ed25519"):
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def extension(
    value: x509.ExtensionType, *, critical: bool = True
) -> tuple[x509.ExtensionType, bool]:
    return value, critical


def names(*hosts: str) -> x509.ExtensionType:
    return x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])


def certificate(  # what a certificate can differ in
    subject: str,
    issuer: str,
    *extensions: x509.ExtensionType | tuple[x509.ExtensionType, bool],
    days: tuple[int, int] = (-10, 10),
    signer: str = "",
    pss: bool = False,
) -> bytes:
    """DER of a certificate whose keys are called like subject and issuer (or ``signer``)."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key(subject).public_key())
        .serial_number(next(_serials))
        .not_valid_before(TODAY + timedelta(days=days[0]))
        .not_valid_after(TODAY + timedelta(days=days[1]))
    )
    for each in extensions:
        value, critical = each if isinstance(each, tuple) else (each, False)
        builder = builder.add_extension(value, critical)
    private = key(signer or issuer)
    how = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else None
    algorithm = None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    signed = builder.sign(private, algorithm, rsa_padding=how)
    return signed.public_bytes(serialization.Encoding.DER)


def spki(der: bytes) -> bytes:
    return (
        x509.load_der_x509_certificate(der)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def tlsa(usage: int, selector: int, matching: int, der: bytes) -> Tlsa:
    """The record that means this certificate."""
    octets = spki(der) if selector else der
    if matching:
        octets = hashlib.new({1: "sha256", 2: "sha512"}[matching], octets).digest()
    return Tlsa(usage, selector, matching, octets)
