"""Who asks for the proof sees it, everybody else the usual certificate."""

import datetime as dt
import hashlib
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509

from postroom.net.tls import Certificates
from postroom.net.tls_alpn import IDENTIFIER, PROTOCOL, proof
from tests import certificates

NOW: Final = dt.datetime(2026, 11, 24, tzinfo=dt.UTC)
ANSWER: Final = "token.thumbprint"


def met(
    server: ssl.SSLContext, name: str | None, offered: list[str]
) -> tuple[x509.Certificate, str | None]:
    """The certificate that a client sees, and what both speak then."""
    client = certificates.shaken(server, name, offered)
    octets = client.getpeercert(binary_form=True)
    assert octets
    return x509.load_der_x509_certificate(octets), client.selected_alpn_protocol()


def names(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return found.value.get_values_for_type(x509.DNSName)


def is_proof(certificate: x509.Certificate) -> bool:
    return any(one.oid == IDENTIFIER for one in certificate.extensions)


def test_only_who_offers_the_protocol_for_the_name_sees_the_proof(data: Path) -> None:
    certificates = Certificates("mail.demo.test", data, now=NOW)
    door = certificates.live()
    certificates.proofs.show({"Mail.demo.test": ANSWER})
    shown, protocol = met(door, "mail.demo.test", [PROTOCOL])
    assert (is_proof(shown), names(shown), protocol) == (True, ["mail.demo.test"], PROTOCOL)
    for name, offered in (
        ("mail.demo.test", ["http/1.1"]),
        ("mail.demo.test", ["h2", "http/1.1"]),
        ("other.demo.test", [PROTOCOL]),
        (None, [PROTOCOL]),
    ):
        shown, protocol = met(door, name, offered)
        assert not is_proof(shown)
        assert protocol != PROTOCOL
    certificates.proofs.show({})
    shown, protocol = met(door, "mail.demo.test", [PROTOCOL])
    assert not is_proof(shown)
    assert protocol is None


def test_a_door_that_opens_later_proves_as_well_and_others_never(data: Path) -> None:
    certificates = Certificates("mail.demo.test", data, now=NOW)
    certificates.proofs.show({"mail.demo.test": ANSWER})
    assert is_proof(met(certificates.live(), "mail.demo.test", [PROTOCOL])[0])
    assert not is_proof(met(certificates.context(), "mail.demo.test", [PROTOCOL])[0])


def test_a_proof_is_as_the_standard_wants_it() -> None:
    whole = proof("mail.demo.test", ANSWER, NOW)
    certificate = x509.load_pem_x509_certificate(whole)
    assert names(certificate) == ["mail.demo.test"]
    assert certificate.issuer == certificate.subject
    (extension,) = [one for one in certificate.extensions if one.oid == IDENTIFIER]
    assert extension.critical
    assert isinstance(extension.value, x509.UnrecognizedExtension)
    assert extension.value.value == b"\x04\x20" + hashlib.sha256(ANSWER.encode()).digest()
    assert b"PRIVATE KEY" in whole
